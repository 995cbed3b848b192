"""The prediction of a whole scan in plain PyTorch, as MONAI and nnU-Net do it: its logits lie in memory all at once.

    python3 pytorch_predict.py --settings JSON --weights FILE --scan FILE --out FILE

JSON: {"filters": [...], "kernels": [[d, h, w], ...], "strides": [[d, h, w], ...], "classes": 14,
       "patch": [d, h, w], "step": 0.5, "spacing": [x, y, z], "low": -300, "high": 300, "outside": "clip",
       "resample": "logits", "amp": false}
Weights are safetensors under MONAI's names. The scan is an int16 .nii.gz that lies along RAS, as `pnpm bench predict`
writes it. The patch, kernels and strides are D, H, W; the spacing is x, y, z in mm; low and high are HU.

The scan is cropped to the body, resampled (trilinear) and its intensities mapped to [0, 1]; Gaussian-weighted logits of
sliding windows are added up; the label map, on the network's grid or on the scan's, is written. The work is done on the
GPU where PyTorch has one, in automatic mixed precision if asked for; the logits lie in f32, on the host where the GPU's
memory does not suffice. Prints one JSON object: the seconds of each part of the work, and the peaks of memory.
"""

import argparse
import gzip
import json
import math
import resource
import struct
import time

import torch
from torch.nn import functional as F

from pytorch_unet import Unet, read_safetensors

WINDOWS_AT_ONCE = 4


class Stopwatch:
    """The seconds of each part of the work, by name."""

    def __init__(self, device):
        self.device = device
        self.seconds = {}
        self.began = time.perf_counter()

    def done(self, name):
        """Notes the time since the part before as that of this part."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[name] = now - self.began
        self.began = now


def read_scan(path):
    """The voxels, int16 [Z, Y, X], the spacing in mm as z, y, x, and the bytes of the header."""
    with gzip.open(path) as file:
        data = bytearray(file.read())
    shape = struct.unpack_from("<3h", data, 42)
    spacing = struct.unpack_from("<3f", data, 80)
    offset = int(struct.unpack_from("<f", data, 108)[0])
    voxels = torch.frombuffer(data, dtype=torch.int16, offset=offset, count=math.prod(shape))
    return voxels.reshape(shape[::-1]), spacing[::-1], data[:offset]


def print_report(device, windows, stopwatch, logits_on_host):
    """Prints what a prediction took, as the bench reads it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
                "windows": windows,
                "stages": stopwatch.seconds,
                "peakGpuBytes": torch.cuda.max_memory_reserved() if device == "cuda" else None,
                "cpuSeconds": used.ru_utime + used.ru_stime,
                "peakHostBytes": used.ru_maxrss * 1024,
                "logitsOnHost": logits_on_host,
            }
        )
    )


def write_labels(path, labels, header):
    """Writes labels, u8 [Z, Y, X], under the header of their scan with another data type."""
    header = bytearray(header)
    struct.pack_into("<2h", header, 70, 2, 8)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header)
        file.write(bytes(labels.contiguous().view(-1).numpy()))


def body_box(scan, low):
    """The slices along z, y, x that hold all voxels above `low` HU; the whole scan where there are none."""
    inside = scan > low
    if not inside.any():
        return [slice(0, n) for n in scan.shape]
    others = lambda axis: [other for other in range(3) if other != axis]
    box = []
    for axis in range(3):
        along = inside.amax(dim=others(axis)).nonzero()
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    return box


def positions(last, size, scale):
    """The places of `size` voxels in a source of voxels 0 to `last`: `scale` apart, about its centre."""
    return (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) * scale + last / 2


def linear(x, axis, size, scale):
    """Values resampled along one axis to `size` voxels, `scale` source voxels apart, by linear interpolation."""
    last = x.shape[axis] - 1
    at = positions(last, size, scale).clamp(0, last)
    below = at.floor().long()
    share = (at - below).float().to(x.device).view([-1 if each == axis % x.ndim else 1 for each in range(x.ndim)])
    take = lambda index: x.index_select(axis, index.to(x.device))
    return torch.lerp(take(below), take((below + 1).clamp(max=last)), share)


def nearest(x, axis, size, scale):
    """Values resampled likewise, each that of the nearest source voxel; halves go up."""
    last = x.shape[axis] - 1
    at = positions(last, size, scale)
    return x.index_select(axis, (at + 0.5 + 1e-4).floor().clamp(0, last).long().to(x.device))


def resampled(x, sizes, scales, how=linear):
    """Values resampled along the last three axes, one after another."""
    for axis, size, scale in zip((-3, -2, -1), sizes, scales):
        x = how(x, axis, size, scale)
    return x


def origins(size, patch, step):
    """The first voxels of the windows along an axis, at most `step` of a patch apart."""
    if size <= patch:
        return [0]
    count = math.ceil((size - patch) / (patch * step)) + 1
    return [math.floor(i * (size - patch) / (count - 1) + 0.5) for i in range(count)]


def importance(patch, device):
    """The weights of a window's voxels, f32 [D, H, W]: a Gaussian about its middle, of σ an eighth of the patch."""
    bells = []
    for n in patch:
        at = torch.arange(n, dtype=torch.float64) - (n - 1) / 2
        bells.append(torch.exp(-0.5 * (at / (n / 8)) ** 2))
    return (bells[0][:, None, None] * bells[1][:, None] * bells[2]).float().to(device)


def whole_logits(net, image, settings, device):
    """The mean logits, f32 [classes, Z, Y, X], and the number of windows. The image is no smaller than a patch."""
    patch = settings["patch"]
    weights = importance(patch, device)
    shape = image.shape
    try:
        store = torch.zeros((settings["classes"], *shape), device=device)
    except RuntimeError:  # as MONAI's `device` and nnU-Net's fallback
        store = torch.zeros((settings["classes"], *shape))
    total = torch.zeros(shape, device=store.device)
    starts = [origins(n, p, settings["step"]) for n, p in zip(shape, patch)]
    places = [(z, y, x) for z in starts[0] for y in starts[1] for x in starts[2]]
    amp = torch.float16 if device == "cuda" else torch.bfloat16
    for first in range(0, len(places), WINDOWS_AT_ONCE):
        some = places[first : first + WINDOWS_AT_ONCE]
        windows = [tuple(slice(o, o + p) for o, p in zip(place, patch)) for place in some]
        batch = torch.stack([image[window] for window in windows])[:, None]
        with torch.autocast(device, dtype=amp, enabled=settings["amp"]):
            out = net(batch)
        out = out.float() * weights
        for window, logits in zip(windows, out):
            store[(slice(None), *window)] += logits.to(store.device)
            total[window] += weights.to(store.device)
    store /= total
    return store, len(places)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--scan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    settings = options.settings
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    stopwatch = Stopwatch(device)

    net = Unet(settings["filters"], settings["kernels"], settings["strides"], settings["classes"])
    net.load_state_dict(read_safetensors(options.weights)[1])
    net = net.to(device).eval().to(memory_format=torch.channels_last_3d)
    stopwatch.done("model")

    scan, spacing, header = read_scan(options.scan)
    stopwatch.done("read")

    low, high = settings["low"], settings["high"]
    box = body_box(scan, low)
    body = scan[box[0], box[1], box[2]].to(device).float()
    scales = [there / here for there, here in zip(settings["spacing"][::-1], spacing)]
    sizes = [max(1, math.floor(n / scale + 0.5 + 1e-4)) for n, scale in zip(body.shape, scales)]
    image = (resampled(body, sizes, scales) - low) / (high - low)
    outside = (image < 0) | (image > 1)
    image = image.clamp(0, 1) if settings["outside"] == "clip" else image.masked_fill(outside, 0)
    room = [max(0, p - n) for n, p in zip(sizes, settings["patch"])]
    padding = [half for gap in reversed(room) for half in (gap // 2, gap - gap // 2)]
    image = F.pad(image, padding)
    stopwatch.done("prepare")

    with torch.no_grad():
        logits, windows = whole_logits(net, image, settings, device)
    inner = tuple(slice(gap // 2, gap // 2 + n) for gap, n in zip(room, sizes))
    logits = logits[(slice(None), *inner)]
    stopwatch.done("network")

    back = [1 / scale for scale in scales]
    if settings["resample"] == "logits":
        labels = resampled(logits, body.shape, back).argmax(0).byte().cpu()
    else:
        labels = resampled(logits.argmax(0).byte(), body.shape, back, nearest).cpu()
    whole = torch.zeros(scan.shape, dtype=torch.uint8)
    whole[box[0], box[1], box[2]] = labels
    stopwatch.done("labels")
    write_labels(options.out, whole, header)
    stopwatch.done("write")

    print_report(device, windows, stopwatch, logits.device.type != device)


if __name__ == "__main__":
    main()
