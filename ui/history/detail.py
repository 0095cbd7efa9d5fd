"""The detail shows one recorded defect, crop beside heat map, and takes what a person says of it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from station.display_score import display_score
from station.records.rows import DefectRow, Verdict
from station.state.defect_kind import kind_words
from ui import theme
from ui.widgets.crops import Pictures
from ui.widgets.gauges import draw_score_bar
from ui.widgets.parts import FieldList, Panel, button, label, set_text
from ui.widgets.pictures import draw_fitted
from ui.words import THIN_SPACE, length, position, size, when


class PicturePair(QWidget):
    """The pair shows the crop at the left and the heat map at the right, equally large."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Crop and heat map")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._images: tuple[QImage | None, QImage | None] = (None, None)
        self._shown = False

    def sizeHint(self) -> QSize:
        """Ask for room for two squares."""
        return QSize(340, 190)

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Show both pictures; None while there are none."""
        self._images = (pictures.crop, pictures.heat) if pictures else (None, None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the squares with their captions."""
        painter = QPainter(self)
        side = min((self.width() - 8) // 2, self.height() - 20)
        painter.setFont(theme.font("caption"))
        for at, (image, name) in enumerate(zip(self._images, ("picture", "heat map"), strict=True)):
            box = QRect(at * (self.width() - side), 0, side, side)
            draw_fitted(painter, image, box)
            painter.setPen(theme.colour("text_soft"))
            painter.drawText(QRect(box.left(), box.bottom() + 4, side, 16), Qt.AlignmentFlag.AlignLeft, name)
        painter.end()


class ScoreBar(QWidget):
    """The bar shows a score against its threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(18)
        self.setAccessibleName("Score against the threshold")
        self._score = 0.0

    def show_score(self, display: float) -> None:
        """Show a display score; 0.5 is the threshold."""
        self._score = display
        self.setAccessibleDescription(f"{display:.2f}, threshold 0.50")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the bar, with room for the tick."""
        painter = QPainter(self)
        draw_score_bar(painter, self.rect().adjusted(0, 5, -1, -5).toRectF(), self._score)
        painter.end()


class DefectDetail(Panel):
    """The panel shows a defect; ``judged`` carries a person's verdict, ``stepped`` asks for the next unreviewed one."""

    judged = Signal(object)
    stepped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Defect", parent)
        self._row: DefectRow | None = None
        self.pair = PicturePair()
        self.body.addWidget(self.pair)
        self.bar = ScoreBar()
        self.body.addWidget(self.bar)
        self.fields = FieldList(
            ["Kind", "Decision", "Length × width", "Position", "Across", "Score", "Found", "Review"]
        )
        self.body.addWidget(self.fields)
        self.confirm_button = button("confirm", symbol="check")
        self.false_button = button("false_alarm", symbol="cross")
        self.next_button = button("next_unreviewed")
        self.confirm_button.clicked.connect(lambda: self.judged.emit(Verdict.CONFIRMED))
        self.false_button.clicked.connect(lambda: self.judged.emit(Verdict.FALSE_ALARM))
        self.next_button.clicked.connect(self.stepped)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.confirm_button, 1)
        row.addWidget(self.false_button, 1)
        self.body.addSpacing(4)
        self.body.addLayout(row)
        self.body.addWidget(self.next_button)
        self.told = label("", "fault", wrap=True)
        self.body.addWidget(self.told)
        self.body.addStretch(1)
        self.show_defect(None, None)

    @property
    def row(self) -> DefectRow | None:
        """Give the defect shown."""
        return self._row

    def tell(self, text: str) -> None:
        """Say what went wrong, in one sentence; an empty one clears it."""
        set_text(self.told, text)

    def show_defect(self, row: DefectRow | None, pictures: Pictures | None) -> None:
        """Show a defect with its pictures, or nothing."""
        self._row = row
        for made in (self.confirm_button, self.false_button):
            made.setEnabled(row is not None)
        self.pair.show_pictures(pictures)
        if row is None:
            self.bar.show_score(0.0)
            for name in ("Kind", "Decision", "Length × width", "Position", "Across", "Score", "Found", "Review"):
                self.fields.show_field(name, "–")
            return
        display = display_score(row.score, row.threshold)
        self.bar.show_score(display)
        show = self.fields.show_field
        show("Kind", f"{kind_words(row.kind, row.parts, row.look)}, no. {row.label}")
        show("Decision", "reject" if row.is_reject else "passes")
        mark = f"{THIN_SPACE}(unverified)" if row.unverified else ""
        show("Length × width", size(row.length_mm, row.width_mm, row.unit) + mark)
        show("Position", position(row.position_mm, row.unit) + (f", {row.piece}" if row.piece else ""))
        show("Across", f"{length(row.across_mm, row.unit)} from the left edge")
        show("Score", f"{display:.2f}, raw {row.score:.3g}")
        show("Found", when(row.found_at))
        verdict = row.verdict.value if row.verdict else "not reviewed"
        show("Review", f"{verdict}, by {row.reviewed_by}" if row.verdict and row.reviewed_by else verdict)
