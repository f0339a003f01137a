"""The page of the benchmark: Markdown and plots from the tables alone, nothing measured again."""

from earwitness_bench.page.write import write_page

__all__ = ["write_page"]
