"""From a result record to a terminal page, a self-contained ``report.html`` and checked file hashes.

Goal: rendering only; nothing here computes a test. ``text`` prints, ``html`` writes the
page, ``bundle`` hashes and verifies a run folder. Import the module that you need: only
``html`` and ``charts`` load the chart library.
"""
