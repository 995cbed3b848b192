"""The prediction of a whole scan in plain PyTorch as nnU-Net v2 does it: its logits lie in memory all at once.

    python3 pytorch_nnunet.py --settings JSON --weights FILE ... --scan FILE ... --out FILE

JSON: {"network": {...}, "patch": [d, h, w], "step": 0.5, "preprocessing": {...}, "mirrorAxes": [], "regionLabels": null}
as organseg describes a model. Weights are nnU-Net's checkpoints, one a fold; scans are the channels, int16 .nii.gz that
lie along RAS, as `pnpm bench predict` writes them.

The scan is cropped to what is not 0, normalised, and resampled on the host in f64 by splines; the windows' logits, weighted
by a Gaussian, are added up in f16, on the GPU where its memory suffices; all of them go back to the scan's grid on the host,
in f64, and the largest is the label. The network works on the GPU where PyTorch has one, in automatic mixed precision.
Prints one JSON object: the seconds of each part of the work, and the peaks of memory.
"""

import argparse
import itertools
import json
import math

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from pytorch_predict import Stopwatch, print_report, read_scan, write_labels


class Unit(nn.Module):
    """A convolution that keeps the size but for its stride, a norm, and LeakyReLU unless a sum comes first."""

    def __init__(self, cin, cout, kernel, stride=(1, 1, 1), bias=True, linear=False):
        super().__init__()
        self.conv = nn.Conv3d(cin, cout, tuple(kernel), tuple(stride), [(k - 1) // 2 for k in kernel], bias=bias)
        self.norm = nn.InstanceNorm3d(cout, affine=True)
        self.linear = linear

    def forward(self, x):
        x = self.norm(self.conv(x))
        return x if self.linear else F.leaky_relu(x, 0.01, inplace=True)


class Units(nn.Module):
    """Several of them in a row, the stride in the first."""

    def __init__(self, count, cin, cout, kernel, stride=(1, 1, 1), bias=True):
        super().__init__()
        first = Unit(cin, cout, kernel, stride, bias)
        self.convs = nn.Sequential(first, *(Unit(cout, cout, kernel, bias=bias) for _ in range(count - 1)))

    def forward(self, x):
        return self.convs(x)


class ResidualBlock(nn.Module):
    """Two convolutions and their norms, plus the input, which is pooled and projected where its form changes."""

    def __init__(self, cin, cout, kernel, stride, bias):
        super().__init__()
        self.conv1 = Unit(cin, cout, kernel, stride, bias)
        self.conv2 = Unit(cout, cout, kernel, bias=bias, linear=True)
        pool = [nn.AvgPool3d(tuple(stride), tuple(stride))] if any(s != 1 for s in stride) else []
        project = [Unit(cin, cout, (1, 1, 1), bias=False, linear=True)] if cin != cout else []
        self.skip = nn.Sequential(*pool, *project)

    def forward(self, x):
        return F.leaky_relu(self.conv2(self.conv1(x)) + self.skip(x), 0.01, inplace=True)


class Blocks(nn.Module):
    """Residual blocks in a row, the stride in the first."""

    def __init__(self, count, cin, cout, kernel, stride, bias):
        super().__init__()
        first = ResidualBlock(cin, cout, kernel, stride, bias)
        others = (ResidualBlock(cout, cout, kernel, (1, 1, 1), bias) for _ in range(count - 1))
        self.blocks = nn.Sequential(first, *others)

    def forward(self, x):
        return self.blocks(x)


class Encoder(nn.Module):
    def __init__(self, network):
        super().__init__()
        filters, kernels, strides = network["filters"], network["kernels"], network["strides"]
        bias = network["transposedBias"]
        inputs = [network["inputChannels"], *filters]
        if network["architecture"] == "ResidualEncoderUNet":
            self.stem = Units(1, inputs[0], network["stemChannels"], kernels[0], bias=bias)
            inputs[0] = network["stemChannels"]
            stages = [Blocks(*stage, bias) for stage in zip(network["blocks"], inputs, filters, kernels, strides)]
        else:
            self.stem = nn.Identity()
            forms = zip(network["convolutions"], inputs, filters, kernels, strides)
            stages = [nn.Sequential(Units(*stage, bias)) for stage in forms]
        self.stages = nn.Sequential(*stages)

    def forward(self, x):
        x = self.stem(x)
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        return skips


class Decoder(nn.Module):
    def __init__(self, network):
        super().__init__()
        filters, kernels, strides = network["filters"], network["kernels"], network["strides"]
        bias = network["transposedBias"]
        levels = range(len(filters) - 2, -1, -1)
        up = lambda i: nn.ConvTranspose3d(filters[i + 1], filters[i], tuple(strides[i + 1]), tuple(strides[i + 1]), bias=bias)
        self.transpconvs = nn.ModuleList(up(i) for i in levels)
        self.stages = nn.ModuleList(
            Units(count, 2 * filters[i], filters[i], kernels[i], bias=bias)
            for count, i in zip(network["decoderConvolutions"], levels)
        )
        head = nn.Conv3d(filters[0], network["classes"], 1)
        self.seg_layers = nn.ModuleDict({str(len(filters) - 2): head})

    def forward(self, skips):
        x = skips[-1]
        for up, stage, skip in zip(self.transpconvs, self.stages, reversed(skips[:-1])):
            x = stage(torch.cat((up(x), skip), 1))
        (head,) = self.seg_layers.values()
        return head(x)


class Unet(nn.Module):
    """PlainConvUNet or ResidualEncoderUNet, its parameters under nnU-Net's names."""

    def __init__(self, network):
        super().__init__()
        self.encoder = Encoder(network)
        self.decoder = Decoder(network)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def load_network(network, path, device):
    """The network with the weights of a checkpoint, which also holds them under further names."""
    net = Unet(network)
    weights = torch.load(path, map_location="cpu")["network_weights"]
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    return net.to(device).eval()


def normalised(x, scheme, mask):
    """A channel's intensities, f32, by one of nnU-Net's schemes."""
    name = scheme["scheme"]
    if name == "CTNormalization":
        return (x.clip(scheme["low"], scheme["high"]) - scheme["mean"]) / max(scheme["std"], 1e-8)
    if name == "ZScoreNormalization" and scheme["useMask"]:
        inside = x[mask]
        out = x.copy()
        out[mask] = (inside - inside.mean()) / max(inside.std(), 1e-8)
        return out
    if name == "ZScoreNormalization":
        return (x - x.mean()) / max(x.std(), 1e-8)
    if name == "RescaleTo01Normalization":
        return (x - x.min()) / max(x.max() - x.min(), 1e-8)
    if name == "RGBTo01Normalization":
        return x / 255
    return x


def resized(x, shape, order):
    """An array on a grid of another size over the same extent, as skimage's `resize` makes it with repeated edges."""
    zoom = [new / old for new, old in zip(shape, x.shape)]
    out = ndimage.zoom(x, zoom, order=order, mode="nearest", grid_mode=True)
    return out.clip(x.min(), x.max(), out=out)


def coarse_axis(resampler, spacing, target):
    """The axis that is resampled by itself, or None."""
    coarse = lambda mm: max(mm) / min(mm) > resampler["separateZThreshold"]
    forced = resampler["forceSeparateZ"]
    decisive = next((mm for mm in (spacing, target) if coarse(mm)), None) if forced is None else forced and spacing
    if not decisive:
        return None
    coarsest = [axis for axis in range(3) if decisive[axis] == max(decisive)]
    return coarsest[0] if len(coarsest) == 1 else None


def resampled(data, shape, spacing, target, resampler):
    """Channels on another grid, of the type that they had."""
    if tuple(shape) == data.shape[1:]:
        return data
    axis = coarse_axis(resampler, spacing, target)
    out = np.zeros((len(data), *shape), data.dtype)
    data = data.astype(float)
    for channel, x in enumerate(data):
        if axis is None:
            out[channel] = resized(x, shape, resampler["order"])
            continue
        plane = [n for i, n in enumerate(shape) if i != axis]
        slices = [resized(each, plane, resampler["order"]) for each in np.moveaxis(x, axis, 0)]
        at = (np.arange(shape[axis]) + 0.5) * len(slices) / shape[axis] - 0.5
        nearest = (at + 0.5).astype(int).clip(0, len(slices) - 1)
        out[channel] = np.moveaxis(np.stack([slices[i] for i in nearest]), 0, axis)
    return out


def starts(size, patch, step):
    """The first voxels of the windows along an axis, at most `step` of a patch apart; halves go to even."""
    count = math.ceil((size - patch) / (patch * step)) + 1
    return [round(i * (size - patch) / max(1, count - 1)) for i in range(count)]


def gaussian(patch, device):
    """The weights of a window's voxels, f16."""
    point = np.zeros(patch)
    point[tuple(n // 2 for n in patch)] = 1
    bell = ndimage.gaussian_filter(point, [n / 8 for n in patch], mode="constant")
    weights = torch.from_numpy(10 * bell / bell.max()).to(device, torch.float16)
    weights[weights == 0] = weights[weights > 0].min()
    return weights


def mirrored(net, x, axes):
    """The mean logits over all mirrorings along these axes of D, H, W."""
    subsets = [s for n in range(len(axes) + 1) for s in itertools.combinations([a + 2 for a in axes], n)]
    return sum(net(x.flip(s)).flip(s) if s else net(x) for s in subsets) / len(subsets)


def whole_logits(nets, data, settings, device, store_device):
    """The mean logits, f16 [classes, D, H, W], of an image that is no smaller than a patch, and the number of windows."""
    patch, size = settings["patch"], data.shape[1:]
    weights = gaussian(patch, store_device)
    store = torch.zeros((settings["network"]["classes"], *size), dtype=torch.float16, device=store_device)
    total = torch.zeros(size, dtype=torch.float16, device=store_device)
    places = list(itertools.product(*(starts(n, p, settings["step"]) for n, p in zip(size, patch))))
    for place in places:
        window = tuple(slice(o, o + p) for o, p in zip(place, patch))
        x = data[(slice(None), *window)][None].to(device)
        with torch.autocast(device, enabled=device == "cuda"):
            logits = sum(mirrored(net, x, settings["mirrorAxes"])[0] for net in nets) / len(nets)
        logits = logits.to(store_device)
        logits *= weights
        store[(slice(None), *window)] += logits
        total[window] += weights
    torch.div(store, total, out=store)
    return store, len(places)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--weights", required=True, nargs="+")
    parser.add_argument("--scan", required=True, nargs="+")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    settings = options.settings
    preprocessing = settings["preprocessing"]
    target = preprocessing["spacingMm"]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    stopwatch = Stopwatch(device)

    nets = [load_network(settings["network"], path, device) for path in options.weights]
    stopwatch.done("model")

    channels, spacings, headers = zip(*(read_scan(path) for path in options.scan))
    stopwatch.done("read")

    order = preprocessing["transposeForward"]
    spacing = [spacings[0][axis] for axis in order]
    data = np.stack([x.numpy().astype(np.float32).transpose(order) for x in channels])
    whole = np.zeros(data.shape[1:], np.uint8)
    mask = ndimage.binary_fill_holes((data != 0).any(0))
    box = ndimage.find_objects(mask.astype(np.uint8))[0] if mask.any() else tuple(slice(0, n) for n in mask.shape)
    data, mask = data[(slice(None), *box)], mask[box]
    cropped = data.shape[1:]
    for channel, scheme in enumerate(preprocessing["channels"]):
        data[channel] = normalised(data[channel], scheme, mask)
    shape = [max(1, round(mm / to * n)) for mm, to, n in zip(spacing, target, cropped)]
    image = torch.from_numpy(resampled(data, shape, spacing, target, preprocessing["dataResampling"]))
    room = [max(0, p - n) for n, p in zip(shape, settings["patch"])]
    image = F.pad(image, [half for gap in reversed(room) for half in (gap // 2, gap - gap // 2)])
    stopwatch.done("prepare")

    with torch.no_grad():
        try:
            logits, windows = whole_logits(nets, image, settings, device, device)
        except RuntimeError:
            logits, windows = whole_logits(nets, image, settings, device, "cpu")
    on_host = logits.device.type != device
    inner = tuple(slice(gap // 2, gap // 2 + n) for gap, n in zip(room, shape))
    logits = logits[(slice(None), *inner)].cpu().numpy()
    stopwatch.done("network")

    logits = resampled(logits, cropped, target, spacing, preprocessing["logitsResampling"])
    if settings["regionLabels"] is None:
        whole[box] = logits.argmax(0)
    else:
        for label, region in zip(settings["regionLabels"], logits):
            whole[box][region > 0] = label
    stopwatch.done("labels")
    back = np.argsort(order)
    write_labels(options.out, torch.from_numpy(np.ascontiguousarray(whole.transpose(back))), headers[0])
    stopwatch.done("write")

    print_report(device, windows, stopwatch, on_host)


if __name__ == "__main__":
    main()
