"""The exact test's relabellings against refitting the published procedure, per relabelling.

Usage: ``python benchmarks/exact_speed.py [--tracks 2000] [--features 100] [--refits 20]``.
Times, in seconds of processor and elapsed, 9,999 relabellings of the whole exact test
(scaling, four scorers, their weighted minimum) and a sample of the published resampling (5-fold
StandardScaler + LogisticRegression), and prints the ratio per relabelling or resample.
"""

import argparse
import resource
import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from earwitness.stats.exact import ExactSettings, exact_test
from earwitness.stats.sides import Sides


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=2000)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--permutations", type=int, default=9999)
    parser.add_argument("--refits", type=int, default=20)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    values = rng.standard_normal((options.tracks, options.features)) + rng.standard_normal((options.tracks, 1))
    is_suspect = np.arange(options.tracks) < options.tracks // 2

    wall, processor = time.perf_counter(), time.process_time()
    settings = ExactSettings(permutations=options.permutations)
    test = exact_test(values, Sides(is_suspect, np.arange(options.tracks)), settings=settings)
    exact, exact_wall = time.process_time() - processor, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    wall, processor = time.perf_counter(), time.process_time()
    for seed in range(options.refits):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        cross_val_predict(model, values, rng.permutation(is_suspect), cv=folds, method="predict_proba")
    refit, refit_wall = time.process_time() - processor, time.perf_counter() - wall

    scale = options.permutations / options.refits
    print(f"{options.tracks} tracks, {options.features} features, p = {test.p_value:.4f}, peak memory {memory:.0f} MiB")
    print(f"exact, {options.permutations} relabellings: {exact:.2f} s of processor, {exact_wall:.2f} s elapsed")
    print(f"published, {options.refits} resamples: {refit:.2f} s of processor, {refit_wall:.2f} s elapsed")
    ratio, ratio_wall = refit / exact * scale, refit_wall / exact_wall * scale
    print(f"ratio per relabelling: {ratio:.0f} (processor), {ratio_wall:.0f} (elapsed)")


if __name__ == "__main__":
    main()
