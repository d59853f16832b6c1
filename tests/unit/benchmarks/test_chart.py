"""A bar is as long as its value says, and a line goes where its values say."""

from xml.etree import ElementTree as ET

from benchmarks.chart import Line, Panel, chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*panels: Panel) -> ET.Element:
    return ET.fromstring(chart("<title> & more", "ADD COLUMN a", panels))  # noqa: S314 - made here


def lengths(drawing: ET.Element) -> list[float]:
    return [float(rect.attrib["width"]) for rect in drawing.iter(f"{SVG}rect")][1:]


def test_bars_are_to_each_other_as_their_values() -> None:
    one, two = lengths(drawn(Panel("wall time", {"raw": 1.0, "fsm-ghost": 0.5})))
    assert one == 2 * two


def test_bars_leave_room_for_the_line_that_they_are_compared_with() -> None:
    (bar,) = lengths(drawn(Panel("share", {"fsm-ghost": 50.0}, line=100.0)))
    (whole,) = lengths(drawn(Panel("share", {"fsm-ghost": 100.0}, line=100.0)))
    assert whole == 2 * bar


def test_a_contestant_without_a_result_has_no_bar_but_a_word() -> None:
    drawing = drawn(Panel("wall time", {"raw": 1.0, "slow": None}))
    assert len(lengths(drawing)) == 1
    assert "no result" in [text.text for text in drawing.iter(f"{SVG}text")]


def test_a_panel_of_zeros_can_be_drawn() -> None:
    assert lengths(drawn(Panel("gap", {"raw": 0.0}))) == [0.0]


def test_every_panel_lies_within_the_drawing() -> None:
    drawing = drawn(Panel("one", {"a": 1.0, "b": 2.0}), Panel("two", {"a": 1.0, "b": 2.0}))
    height = float(drawing.attrib["viewBox"].split()[3])
    bottoms = [float(rect.attrib["y"]) + float(rect.attrib["height"]) for rect in list(drawing.iter(f"{SVG}rect"))[1:]]
    assert sorted(bottoms) == bottoms
    assert bottoms[-1] <= height


def traced(*lines: Line) -> list[list[tuple[float, float]]]:
    """The points of every line of a drawing, and of what it is compared with."""
    drawing = ET.fromstring(line_chart("<title> & more", "", "rows", "seconds", lines))  # noqa: S314 - made here
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in line.attrib["points"].split())]
        for line in drawing.iter(f"{SVG}polyline")
    ]


def test_what_grows_in_proportion_is_a_straight_line() -> None:
    solid, dashed = traced(Line("a", {1000.0: 1.0, 10_000.0: 10.0, 100_000.0: 100.0}, {1000.0: 1.0, 100_000.0: 10.0}))
    (left, bottom), (middle, centre), (right, top) = solid
    assert (middle, centre) == ((left + right) / 2, (bottom + top) / 2)
    assert dashed == [(left, bottom), (right, centre)]
    assert left < right
    assert top < bottom


def test_lines_share_their_axes() -> None:
    one, _, other, _ = traced(Line("a", {100.0: 1.0, 1000.0: 5.0}, {}), Line("b", {1000.0: 5.0}, {}))
    assert one[-1] == other[0]


def test_one_place_and_no_place_can_be_drawn() -> None:
    assert traced(Line("a", {1000.0: 1.0}, {})) != []
    assert traced() == []
