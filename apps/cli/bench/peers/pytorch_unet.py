"""The network in plain PyTorch, checked and timed: MONAI's DynUNet(res_block=True), as organseg builds it.

    python3 pytorch_unet.py --network JSON [--golden FILE] [--seconds S] [--channels-last]

JSON: {"filters": [...], "kernels": [[d, h, w], ...], "strides": [[d, h, w], ...], "classes": 14,
       "patch": [d, h, w], "batch": 2, "layers": true}
Prints one JSON object:

- the number of parameters;
- the errors against the golden file, in f32, and in f16 by automatic mixed precision (AMP): PyTorch's own on a GPU, its
  roundings on a CPU;
- for each mode the median milliseconds of forward (one patch, no gradients), of forward and backward, and of a whole
  Adam step (the batch), and the peak of allocated GPU bytes;
- with "layers" the milliseconds of each convolution.

A mode is f32 without TF32, TF32, AMP in f16 or AMP in bf16; each with and without channels-last, and compiled where
torch.compile works. With --channels-last that alone is measured, not compiled. Standard error tells of each mode when
it is done ("measured ..."). Data are random. Four calls in a row are timed at once, between two synchronisations, after
a warm-up.
"""

import argparse
import json
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

SLOPE = 0.01
SMOOTH = 1e-5


def conv(cin, cout, kernel, stride=(1, 1, 1), bias=False):
    padding = [(k - s + 1) // 2 for k, s in zip(kernel, stride)]
    return nn.Conv3d(cin, cout, tuple(kernel), tuple(stride), padding, bias=bias)


def norm(channels):
    return nn.InstanceNorm3d(channels, affine=True)


class Conv(nn.Module):
    """A convolution under MONAI's name."""

    def __init__(self, layer):
        super().__init__()
        self.conv = layer

    def forward(self, x):
        return self.conv(x)


class ResidualBlock(nn.Module):
    """Two convolutions and their norms, with a shortcut that is a convolution too where the form changes."""

    def __init__(self, cin, cout, kernel, stride):
        super().__init__()
        self.conv1 = Conv(conv(cin, cout, kernel, stride))
        self.conv2 = Conv(conv(cout, cout, kernel))
        self.norm1 = norm(cout)
        self.norm2 = norm(cout)
        self.downsample = cin != cout or any(s != 1 for s in stride)
        if self.downsample:
            self.conv3 = Conv(conv(cin, cout, (1, 1, 1), stride))
            self.norm3 = norm(cout)

    def forward(self, x):
        y = F.leaky_relu(self.norm1(self.conv1(x)), SLOPE)
        y = self.norm2(self.conv2(y))
        shortcut = self.norm3(self.conv3(x)) if self.downsample else x
        return F.leaky_relu(y + shortcut, SLOPE)


class BasicBlock(nn.Module):
    """Two convolutions, each with norm and LeakyReLU."""

    def __init__(self, cin, cout, kernel):
        super().__init__()
        self.conv1 = Conv(conv(cin, cout, kernel))
        self.conv2 = Conv(conv(cout, cout, kernel))
        self.norm1 = norm(cout)
        self.norm2 = norm(cout)

    def forward(self, x):
        x = F.leaky_relu(self.norm1(self.conv1(x)), SLOPE)
        return F.leaky_relu(self.norm2(self.conv2(x)), SLOPE)


class UpBlock(nn.Module):
    """A transposed convolution, joined with the skip of its size, and a basic block."""

    def __init__(self, cin, cout, kernel, stride):
        super().__init__()
        self.transp_conv = Conv(nn.ConvTranspose3d(cin, cout, tuple(stride), tuple(stride), bias=False))
        self.conv_block = BasicBlock(2 * cout, cout, kernel)

    def forward(self, x, skip):
        return self.conv_block(torch.cat((self.transp_conv(x), skip), dim=1))


class Unet(nn.Module):
    """The U-Net of these filters, kernels and strides (D, H, W), the finest stage first."""

    def __init__(self, filters, kernels, strides, classes, channels=1):
        super().__init__()
        bottom = len(filters) - 1
        inputs = [channels, *filters]
        block = [ResidualBlock(inputs[i], filters[i], kernels[i], strides[i]) for i in range(bottom + 1)]
        self.input_block, *downsamples, self.bottleneck = block
        self.downsamples = nn.ModuleList(downsamples)
        self.upsamples = nn.ModuleList(
            UpBlock(filters[i], filters[i - 1], kernels[i], strides[i]) for i in range(bottom, 0, -1)
        )
        self.output_block = nn.Module()
        self.output_block.conv = Conv(nn.Conv3d(filters[0], classes, 1))

    def forward(self, x):
        skips = [self.input_block(x)]
        for stage in self.downsamples:
            skips.append(stage(skips[-1]))
        x = self.bottleneck(skips[-1])
        for stage, skip in zip(self.upsamples, reversed(skips)):
            x = stage(x, skip)
        return self.output_block.conv(x)


def dice_cross_entropy(logits, target):
    """The loss of MONAI's DiceCELoss(to_onehot_y=True, softmax=True); the target is [N, D, H, W]."""
    logits = logits.float()
    p = torch.softmax(logits, 1)
    t = F.one_hot(target, logits.shape[1]).movedim(-1, 1).float()
    axes = (2, 3, 4)
    overlap = (p * t).sum(axes)
    dice = 1 - (2 * overlap + SMOOTH) / (p.sum(axes) + t.sum(axes) + SMOOTH)
    return dice.mean() + F.cross_entropy(logits, target)


def read_safetensors(path):
    """The metadata and the tensors of a file, by name."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    types = {"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8, "I32": torch.int32}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=types[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return metadata, tensors


class Half(torch.autograd.Function):
    """Rounding to f16 and back, of the value and of its gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.half().float()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.half().float()


class HalfWeight(nn.Module):
    """The parametrisation that rounds a weight to f16."""

    def forward(self, weight):
        return Half.apply(weight)


def round_convolutions(net):
    """Makes a network in f32 round as AMP does: what goes into each convolution and what comes out of it."""
    for module in list(net.modules()):
        if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            parametrize.register_parametrization(module, "weight", HalfWeight())
            module.register_forward_pre_hook(lambda _, inputs: (Half.apply(inputs[0]),))
            module.register_forward_hook(lambda _, __, output: Half.apply(output))


LOSS_SCALE = 65536.0


def golden_errors(path, device):
    """The relative errors of logits, loss and the gradient of all parameters, in f32 on the CPU and in f16."""
    metadata, tensors = read_safetensors(path)
    field = lambda name: json.loads(metadata[name])
    triple = lambda value: value if isinstance(value, list) else [value] * 3
    parameters = {name[len("param/") :]: value for name, value in tensors.items() if name.startswith("param/")}
    expected = torch.cat([tensors["grad/" + name].flatten() for name in parameters])

    def errors(device, half):
        kernels, strides = ([triple(one) for one in field(name)] for name in ("kernel_size", "strides"))
        net = Unet(field("filters"), kernels, strides, int(metadata["classes"]))
        net.load_state_dict(parameters)
        if half and device == "cpu":
            round_convolutions(net)
        net.to(device)
        with torch.autocast("cuda", dtype=torch.float16, enabled=half and device == "cuda"):
            logits = net(tensors["input"].to(device))
        loss = dice_cross_entropy(logits, tensors["target"][:, 0].long().to(device))
        (loss * LOSS_SCALE if half else loss).backward()
        own = {name.replace("parametrizations.weight.original", "weight"): p for name, p in net.named_parameters()}
        gradient = torch.cat([own[name].grad.flatten() for name in parameters]).cpu() / (LOSS_SCALE if half else 1)
        apart = lambda value, right: float((value - right).norm() / right.norm())
        return {
            "logits": apart(logits.detach().float().cpu(), tensors["logits"]),
            "loss": abs(float(loss.detach()) / float(metadata["loss_value"]) - 1),
            "gradient": apart(gradient, expected),
        }

    return {"f32": errors("cpu", False), "amp f16": errors(device, True)}


class Timer:
    """A timer that repeats work for about so many seconds."""

    def __init__(self, device, seconds):
        self.device = device
        self.seconds = seconds

    def finish(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def once(self, work, in_a_row):
        self.finish()
        started = time.perf_counter()
        for _ in range(in_a_row):
            work()
        self.finish()
        return (time.perf_counter() - started) / in_a_row

    def median_ms(self, work, in_a_row=4):
        for _ in range(2):
            self.once(work, 1)
        once = max(self.once(work, in_a_row), 1e-6)
        repeats = max(3, min(50, int(self.seconds / in_a_row / once)))
        return sorted(self.once(work, in_a_row) for _ in range(repeats))[repeats // 2] * 1e3


# The modes in the order of their measurement: f32 last, in which cuDNN tries its algorithms for longest.
MODES = {
    "amp f16": {"amp": torch.float16, "tf32": True},
    "amp bf16": {"amp": torch.bfloat16, "tf32": True},
    "tf32": {"tf32": True},
    "f32": {},
}


def time_mode(network, device, timer, mode, channels_last, compiled):
    """The milliseconds and the peaks of memory of the network in a mode."""
    settings = MODES[mode]
    torch.backends.cuda.matmul.allow_tf32 = bool(settings.get("tf32"))
    torch.backends.cudnn.allow_tf32 = bool(settings.get("tf32"))
    torch.backends.cudnn.benchmark = True
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    torch.manual_seed(1)
    net = Unet(network["filters"], network["kernels"], network["strides"], network["classes"])
    net = net.to(device).to(memory_format=layout)
    run = torch.compile(net) if compiled else net
    optimizer = torch.optim.Adam(net.parameters(), 1e-6)
    amp = settings.get("amp")
    scaled = {"enabled": amp is torch.float16 and device == "cuda"}
    # The scaler has its new name since PyTorch 2.3.
    scaler = torch.GradScaler("cuda", **scaled) if hasattr(torch, "GradScaler") else torch.cuda.amp.GradScaler(**scaled)
    shape = (network["batch"], 1, *network["patch"])
    image = torch.rand(shape, device=device).to(memory_format=layout)
    target = torch.randint(0, network["classes"], (shape[0], *shape[2:]), device=device)
    cast = lambda: torch.autocast(device, dtype=amp, enabled=amp is not None)

    def forward():
        with torch.no_grad(), cast():
            run(image[:1])

    def both():
        optimizer.zero_grad(set_to_none=True)
        with cast():
            logits = run(image)
        loss = dice_cross_entropy(logits, target)
        scaler.scale(loss).backward()
        return loss

    def step():
        both()
        scaler.step(optimizer)
        scaler.update()

    result = {"mode": mode, "channelsLast": channels_last, "compiled": compiled}
    for name, work in (("forward", forward), ("forward + backward", both), ("step", step)):
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        result[name] = {"ms": timer.median_ms(work)}
        if device == "cuda":
            result[name]["peakBytes"] = torch.cuda.max_memory_allocated()
    loss = float(both().detach())
    if not loss == loss:
        raise RuntimeError("the loss is NaN")
    return result


def layer_shapes(network):
    """The distinct convolutions of the network, each as (kind, Cin, Cout, kernel, stride, input size)."""
    net = Unet(network["filters"], network["kernels"], network["strides"], network["classes"])
    seen = {}

    def note(module, inputs, _):
        kind = "convTranspose3d" if isinstance(module, nn.ConvTranspose3d) else "conv3d"
        size = tuple(inputs[0].shape[2:])
        key = (kind, module.in_channels, module.out_channels, module.kernel_size, module.stride, size)
        seen.setdefault(key, module)

    for module in net.modules():
        if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            module.register_forward_hook(note)
    # The shapes follow from a patch's, whatever is in it.
    with torch.no_grad():
        net(torch.zeros(1, 1, *network["patch"]))
    return list(seen)


def time_layers(network, device, timer, mode):
    """The milliseconds of forward and both gradients of each distinct convolution, channels-last, on the batch."""
    settings = MODES[mode]
    torch.backends.cudnn.allow_tf32 = bool(settings.get("tf32"))
    dtype = settings.get("amp", torch.float32)
    rows = []
    for kind, cin, cout, kernel, stride, size in layer_shapes(network):
        make = nn.ConvTranspose3d if kind == "convTranspose3d" else nn.Conv3d
        padding = 0 if kind == "convTranspose3d" else [(k - s + 1) // 2 for k, s in zip(kernel, stride)]
        layer = make(cin, cout, kernel, stride, padding, bias=False).to(device, dtype)
        layer = layer.to(memory_format=torch.channels_last_3d)
        x = torch.rand((network["batch"], cin, *size), device=device, dtype=dtype)
        x = x.to(memory_format=torch.channels_last_3d).requires_grad_()
        y = layer(x)
        gradient = torch.rand_like(y)
        rows.append(
            {
                "op": kind,
                "from": cin,
                "to": cout,
                "kernel": kernel,
                "stride": stride,
                "size": size,
                "forward": timer.median_ms(lambda: layer(x)),
                "dInput": timer.median_ms(
                    lambda: torch.autograd.grad(y, x, gradient, retain_graph=True)
                ),
                "dWeight": timer.median_ms(
                    lambda: torch.autograd.grad(y, layer.weight, gradient, retain_graph=True)
                ),
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", required=True, type=json.loads)
    parser.add_argument("--golden")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--channels-last", action="store_true", help="nothing else, and not compiled")
    options = parser.parse_args()
    network = options.network
    device = "cuda" if torch.cuda.is_available() else "cpu"
    timer = Timer(device, options.seconds)
    net = Unet(network["filters"], network["kernels"], network["strides"], network["classes"])
    result = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cudnn": torch.backends.cudnn.version() if device == "cuda" else None,
        "parameters": sum(p.numel() for p in net.parameters()),
        "golden": golden_errors(options.golden, device) if options.golden else None,
        "runs": [],
        "failed": [],
        "layers": {},
    }
    modes = list(MODES) if device == "cuda" else ["f32"]
    compiles = hasattr(torch, "compile") and device == "cuda" and not options.channels_last
    for mode in modes:
        for channels_last in (True,) if options.channels_last else (False, True):
            for compiled in (False, True) if compiles else (False,):
                try:
                    result["runs"].append(time_mode(network, device, timer, mode, channels_last, compiled))
                    print("measured", json.dumps(result["runs"][-1]), file=sys.stderr, flush=True)
                except Exception as error:  # a mode that this PyTorch or GPU cannot run
                    failed = {"mode": mode, "channelsLast": channels_last, "compiled": compiled}
                    result["failed"].append({**failed, "error": str(error).splitlines()[0][:200]})
    if network.get("layers"):
        for mode in ("f32", "amp f16") if device == "cuda" else ("f32",):
            result["layers"][mode] = time_layers(network, device, timer, mode)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
