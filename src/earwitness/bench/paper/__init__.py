"""The paper's own experiments, ready to run where weights and data exist.

Goal: ``earwitness bench paper`` takes the folders that a user has, says of every experiment whether
it is ready or exactly what is missing, and runs the ready ones. ``experiments`` is the table;
``audiocaps``, ``lakh`` and ``attribution`` read the layouts; ``selection`` draws; ``check`` judges;
``commands`` and ``run`` carry out. What was found about models and data, and what is assumed:
docs/design/paper-experiments.md.
"""
