"""This room sums up what a shift or a month brought: kinds of defects, looms, area by grade, time to an answer."""
