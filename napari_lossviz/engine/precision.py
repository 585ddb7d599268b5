"""Which reduced precision pays on a device."""

import torch


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device computes in it faster than in float32, else float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # Without such instructions it is emulated, which is slower than float32.
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32
