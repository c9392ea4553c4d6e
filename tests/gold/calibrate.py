"""Fit the weights of `bot.verify.answerability` on stored answers, and say how they do.

Run: `python tests/gold/calibrate.py ANSWERS.jsonl...`, files that `whybot eval --out` wrote. The
signals are in every stored trace, so no model is asked. Cross-validated in ten folds, three times.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bot.verify.answerability import log_odds

NAMES = ("log-odds of Yes", "cosine", "unknown name")


def main(paths: list[str]) -> None:
    """Print weights, constant, and what each threshold refuses of each file."""
    rows, truths, files = [], [], []
    for path in paths:
        for text in Path(path).read_text("utf-8").splitlines():
            line = json.loads(text)
            signals = line["result"]["gate"].get("signals")
            if signals is None:  # stopped by the score, or another system
                continue
            rows.append([log_odds(signals["yes"]), signals["cosine"], bool(signals["unknown"])])
            truths.append(line["answerable"])
            files.append(Path(path).name)
    x, y, sets = np.array(rows, dtype=float), np.array(truths), np.array(files)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    folds = [StratifiedKFold(10, shuffle=True, random_state=seed) for seed in range(3)]
    guesses = [cross_val_predict(model, x, y, cv=fold, method="predict_proba") for fold in folds]
    p = np.mean(guesses, axis=0)[:, 1]
    model.fit(x, y)
    scaler, regression = model[0], model[-1]
    weights = regression.coef_[0] / scaler.scale_
    print(f"{len(y)} questions, {int(y.sum())} answerable")
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"{name}: {weight:.2f}")
    print(f"constant: {regression.intercept_[0] - weights @ scaler.mean_:.2f}")
    for name in dict.fromkeys(files):
        of = sets == name
        print(f"{name}: AUC {roc_auc_score(y[of], p[of]):.3f}")
        for threshold in np.arange(0.3, 0.6, 0.05):
            refused = p[of] < threshold
            over, right = refused[y[of]].mean(), refused[~y[of]].mean()
            print(f"  threshold {threshold:.2f}: refused {right:.0%}, over-refused {over:.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
