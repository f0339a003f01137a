"""audiocraft's Encodec written out in plain PyTorch over its own tensor names.

Goal: an answer that owes nothing to the code under test; see ``audiocraft_original``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

SAMPLE_RATE, CODES = 16_000, 16
Tensors = dict[str, Tensor]
Tree = dict[str, object]

COMPRESSION: Tree = {
    "solver": "compression", "sample_rate": SAMPLE_RATE, "channels": 1, "compression_model": "encodec",
    "encodec": {
        "autoencoder": "seanet", "quantizer": "rvq", "sample_rate": "${sample_rate}", "channels": "${channels}",
        "causal": False, "renormalize": False,
    },
    "seanet": {
        "dimension": 4, "channels": "${channels}", "causal": "${encodec.causal}", "n_filters": 2,
        "n_residual_layers": 1, "ratios": [8, 5, 4, 2], "activation": "ELU", "activation_params": {"alpha": 1.0},
        "norm": "weight_norm", "norm_params": {}, "kernel_size": 7, "residual_kernel_size": 3,
        "last_kernel_size": 7, "dilation_base": 2, "pad_mode": "constant", "true_skip": True, "compress": 2,
        "lstm": 2, "disable_norm_outer_blocks": 0,
        "decoder": {"trim_right_ratio": 1.0, "final_activation": None, "final_activation_params": None},
        "encoder": {},
    },
    "rvq": {"n_q": 4, "q_dropout": False, "bins": CODES, "decay": 0.99},
}  # fmt: skip


@dataclass
class Codec:
    """SEANet encoder and decoder around a residual vector quantiser."""

    settings: Tree
    tensors: Tensors

    @classmethod
    def random(cls, settings: Tree, *, seed: int) -> "Codec":
        torch.manual_seed(seed)
        codec = cls(settings, {})
        net = settings["seanet"]
        filters, blocks = net["n_filters"], net["ratios"]
        codec._add_conv("encoder.model.0", 1, filters, net["kernel_size"])
        width, place = filters, 1
        for ratio in reversed(blocks):
            place = codec._add_blocks("encoder", place, width)
            codec._add_conv(f"encoder.model.{place + 1}", width, 2 * width, 2 * ratio)
            width, place = 2 * width, place + 2
        codec._add_lstm(f"encoder.model.{place}", width)
        codec._add_conv(f"encoder.model.{place + 2}", width, net["dimension"], net["last_kernel_size"])
        codec._add_conv("decoder.model.0", net["dimension"], width, net["kernel_size"])
        codec._add_lstm("decoder.model.1", width)
        place = 2
        for ratio in blocks:
            codec._add_conv(f"decoder.model.{place + 1}", width, width // 2, 2 * ratio, transposed=True)
            width, place = width // 2, codec._add_blocks("decoder", place + 2, width // 2)
        codec._add_conv(f"decoder.model.{place + 1}", width, 1, net["last_kernel_size"])
        codec._add_codebooks()
        return codec

    def latents(self, wave: Tensor) -> Tensor:
        """Encoder outputs [B, D, T] of waves [B, 1, samples]."""
        net = self.settings["seanet"]
        x, place = self._conv("encoder.model.0", wave), 1
        for ratio in reversed(net["ratios"]):
            x, place = self._blocks("encoder", place, x)
            x = self._conv(f"encoder.model.{place + 1}", nn.functional.elu(x), stride=ratio)
            place += 2
        x = self._lstm(f"encoder.model.{place}", x)
        return self._conv(f"encoder.model.{place + 2}", nn.functional.elu(x))

    def encode(self, wave: Tensor, codebooks: int) -> Tensor:
        """Codes [B, K, T]: the nearest vector of each codebook to what the former ones left over."""
        residual, codes = self.latents(wave).transpose(1, 2), []
        for k in range(codebooks):
            book = self.tensors[f"quantizer.vq.layers.{k}._codebook.embed"]
            codes.append((residual[:, :, None] - book).square().sum(-1).argmin(-1))
            residual = residual - book[codes[-1]]
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Waves [B, 1, samples] of codes [B, K, T]."""
        books = [self.tensors[f"quantizer.vq.layers.{k}._codebook.embed"] for k in range(codes.shape[1])]
        x = self._conv("decoder.model.0", sum(book[codes[:, k]] for k, book in enumerate(books)).transpose(1, 2))
        x, place = self._lstm("decoder.model.1", x), 2
        for ratio in self.settings["seanet"]["ratios"]:
            name = f"decoder.model.{place + 1}.convtr.convtr"
            x = nn.functional.conv_transpose1d(
                nn.functional.elu(x), self._weight(name), self.tensors[f"{name}.bias"], stride=ratio
            )
            right = ratio if self._causal else ratio // 2
            x = x[..., ratio - right : x.shape[-1] - right]
            x, place = self._blocks("decoder", place + 2, x)
        return self._conv(f"decoder.model.{place + 1}", nn.functional.elu(x))

    @property
    def _causal(self) -> bool:
        return bool(self.settings["encodec"]["causal"])

    def _conv(self, name: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        name = f"{name}.conv.conv"
        weight = self._weight(name)
        spread = (weight.shape[-1] - 1) * dilation + 1
        padding = spread - stride
        windows = -(-(x.shape[-1] - spread + padding) // stride) + 1
        extra = (windows - 1) * stride + spread - padding - x.shape[-1]
        right = 0 if self._causal else padding // 2
        x = nn.functional.pad(x, (padding - right, right + extra), mode=self.settings["seanet"]["pad_mode"])
        return nn.functional.conv1d(x, weight, self.tensors[f"{name}.bias"], stride=stride, dilation=dilation)

    def _weight(self, name: str) -> Tensor:
        direction = self.tensors[f"{name}.weight_v"]
        return self.tensors[f"{name}.weight_g"] * direction / direction.square().sum((1, 2), keepdim=True).sqrt()

    def _blocks(self, part: str, place: int, x: Tensor) -> tuple[Tensor, int]:
        net = self.settings["seanet"]
        for j in range(net["n_residual_layers"]):
            name = f"{part}.model.{place + j}"
            inner = self._conv(f"{name}.block.1", nn.functional.elu(x), dilation=net["dilation_base"] ** j)
            inner = self._conv(f"{name}.block.3", nn.functional.elu(inner))
            x = inner + (x if net["true_skip"] else self._conv(f"{name}.shortcut", x))
        return x, place + net["n_residual_layers"]

    def _lstm(self, name: str, x: Tensor) -> Tensor:
        lstm = nn.LSTM(x.shape[1], x.shape[1], self.settings["seanet"]["lstm"], batch_first=True)
        lstm.load_state_dict(
            {
                key.removeprefix(f"{name}.lstm."): value
                for key, value in self.tensors.items()
                if key.startswith(f"{name}.")
            }
        )
        return x + lstm(x.transpose(1, 2))[0].transpose(1, 2)

    def _add_conv(self, name: str, inputs: int, outputs: int, kernel: int, *, transposed: bool = False) -> None:
        name += ".convtr.convtr" if transposed else ".conv.conv"
        shape = (inputs, outputs, kernel) if transposed else (outputs, inputs, kernel)
        self.tensors[f"{name}.weight_v"] = torch.randn(shape)
        self.tensors[f"{name}.weight_g"] = 0.8 + 0.8 * torch.rand(shape[0], 1, 1)
        self.tensors[f"{name}.bias"] = 0.1 * torch.randn(outputs)

    def _add_blocks(self, part: str, place: int, width: int) -> int:
        net = self.settings["seanet"]
        hidden = width // net["compress"]
        for j in range(net["n_residual_layers"]):
            self._add_conv(f"{part}.model.{place + j}.block.1", width, hidden, net["residual_kernel_size"])
            self._add_conv(f"{part}.model.{place + j}.block.3", hidden, width, 1)
            if not net["true_skip"]:
                self._add_conv(f"{part}.model.{place + j}.shortcut", width, width, 1)
        return place + net["n_residual_layers"]

    def _add_lstm(self, name: str, width: int) -> None:
        for key, value in nn.LSTM(width, width, self.settings["seanet"]["lstm"]).state_dict().items():
            self.tensors[f"{name}.lstm.{key}"] = value

    @torch.no_grad()
    def _add_codebooks(self) -> None:
        """Codebooks of vectors that the encoder says about noise, so that codes vary with the input."""
        rvq = self.settings["rvq"]
        residual = self.latents(0.3 * torch.randn(4, 1, SAMPLE_RATE)).transpose(1, 2).flatten(0, 1)
        for k in range(rvq["n_q"]):
            book = residual[torch.randperm(len(residual))[: rvq["bins"]]]
            name = f"quantizer.vq.layers.{k}._codebook"
            self.tensors |= {f"{name}.embed": book, f"{name}.embed_avg": book.clone()}
            self.tensors |= {f"{name}.inited": torch.ones(1), f"{name}.cluster_size": torch.ones(rvq["bins"])}
            residual = residual - book[torch.cdist(residual, book).argmin(1)]
