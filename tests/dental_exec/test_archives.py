"""An attachment is found inside its delivery and never outside it."""

import pytest

from workbench.dental_exec.archives import attachment_path
from workbench.errors import ExportProblem


@pytest.mark.parametrize(
    "written", ["attachments/C1/plan.pdf", "attachments\\C1\\plan.pdf", "./attachments/C1/plan.pdf"]
)
def test_a_plain_path_lies_in_the_delivery(tmp_path, written):
    assert attachment_path(tmp_path, written) == tmp_path.resolve() / "attachments" / "C1" / "plan.pdf"


@pytest.mark.parametrize(
    "written", ["../x.pdf", "a/../../x.pdf", "..\\x.pdf", "/etc/passwd", "C:\\x.pdf", "\\\\host\\x", "", "C:x"]
)
def test_a_climbing_path_is_refused(tmp_path, written):
    with pytest.raises(ExportProblem, match="climbing path"):
        attachment_path(tmp_path, written)


def test_a_link_that_leaves_the_delivery_is_refused(tmp_path):
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "out").symlink_to(tmp_path)
    with pytest.raises(ExportProblem, match="by a link"):
        attachment_path(tmp_path / "delivery", "out/x.pdf")
