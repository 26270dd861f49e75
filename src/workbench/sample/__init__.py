"""A believable practice: its export and the truth beside it; it imports the hall only, so its truth can fail us."""

from workbench.sample.generation import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]
