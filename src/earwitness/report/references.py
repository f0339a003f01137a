"""The works that a report leans on: the method's own, and those of the signals it used.

Goal: a reader can find the source of every signal in the table. No links: the page is
self-contained, and an arXiv number finds the paper anywhere.
"""

from collections.abc import Iterable

from earwitness.report.feature_names import FeatureName

_METHOD = (
    "Phipson and Smyth (2010): Permutation p-values should never be zero. "
    "Statistical Applications in Genetics and Molecular Biology 9(1).",
    "Westfall and Young (1993): Resampling-Based Multiple Testing. Wiley.",
    "Maini et al. (2024): LLM Dataset Inference: Did you train on my dataset? arXiv 2406.06443.",
    "Dubiński et al. (2024): CDI: Copyrighted Data Identification in Diffusion Models. arXiv 2411.12858.",
    "Kowalczuk et al. (2025): Privacy Attacks on Image AutoRegressive Models. arXiv 2502.02514.",
    "Proboszcz et al. (2025): Membership and Dataset Inference Attacks on Large Audio Generative Models. "
    "arXiv 2512.09654.",
    "Das et al. (2024): Blind Baselines Beat Membership Inference Attacks for Foundation Models. arXiv 2406.16201.",
    "Zhang et al. (2024): Membership Inference Attacks Cannot Prove that a Model Was Trained On Your Data. "
    "arXiv 2409.19798.",
    "Zhao et al. (2026): MGI: Member vs Generated Inference. arXiv 2606.23872.",
)
_SIGNALS = {
    "loss": "Yeom et al. (2018): Privacy Risk in Machine Learning. arXiv 1709.01604.",
    "zlib": "Carlini et al. (2021): Extracting Training Data from Large Language Models. arXiv 2012.07805.",
    "hinge": "Bertran et al. (2023): Scalable Membership Inference Attacks via Quantile Regression. arXiv 2307.03694.",
    "min_k": "Shi et al. (2024): Detecting Pretraining Data from Large Language Models. arXiv 2310.16789.",
    "min_k_pp": "Zhang et al. (2024): Min-K%++: Improved Baseline for Detecting Pre-Training Data from Large Language "
    "Models. arXiv 2404.02936.",
    "camia": "Chang et al. (2024): Context-Aware Membership Inference Attacks against Pre-trained Large Language "
    "Models. arXiv 2409.13745.",
    "continuation": "Carlini et al. (2021): Extracting Training Data from Large Language Models. arXiv 2012.07805.",
    "recall": "Xie et al. (2024): ReCaLL: Membership Inference via Relative Conditional Log-Likelihoods. "
    "arXiv 2406.15968.",
    "neighbour": "Mattern et al. (2023): Membership Inference Attacks against Language Models via Neighbourhood "
    "Comparison. arXiv 2305.18462.",
    "denoising_loss": "Carlini et al. (2023): Extracting Training Data from Diffusion Models. arXiv 2301.13188.",
    "secmi": "Duan et al. (2023): Are Diffusion Models Vulnerable to Membership Inference Attacks? arXiv 2302.01316.",
    "pia": "Kong et al. (2024): An Efficient Membership Inference Attack for the Diffusion Model by Proximal "
    "Initialization. arXiv 2305.18355.",
    "clid": "Zhai et al. (2024): Membership Inference on Text-to-Image Diffusion Models via Conditional Likelihood "
    "Discrepancy. arXiv 2405.20771.",
}


def references(feature_names: Iterable[str]) -> list[str]:
    """The method's references, then those of the signals among the given features."""
    used = {FeatureName.parse(name).family.split(" ")[0] for name in feature_names}
    return [*_METHOD, *(source for signal, source in _SIGNALS.items() if signal in used)]
