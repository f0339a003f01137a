"""`earwitness_bench.recipes.twins` where published copies reached the training set through an encoder.

Goal: what a lossy file on the way into the training set leaves of the marks. Three cells of works, all with marks of
strength 3: heard as they were published, through MP3, through Opus. Its weights are not shipped.
"""

from functools import partial

from earwitness.ground_truth.twins.works import CELLS, Cell
from earwitness_bench.recipes import twins
from earwitness_bench.recipes.marked_works import Works
from earwitness_bench.recipes.musicgen import Schedule

MARKS = CELLS[0].marks
SETTINGS = twins.Settings(
    name="twins_encoded",
    works=Works(cells=tuple(Cell(marks=MARKS, strength=3.0, through=each) for each in ("", "mp3", "opus"))),
    schedule=Schedule(epochs=150, keep=(25,)),
)
train = partial(twins.train, settings=SETTINGS)
publish = partial(twins.publish, settings=SETTINGS)
