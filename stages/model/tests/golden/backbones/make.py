"""Makes scripted.pt: a TorchScript module that takes a number of Python beside the sound, as Silero VAD does. Needs torch.

sound [batch, 8] and rate: int -> embedding [batch, 2], the mean of a window times the rate, and its largest value.
"""

import torch

# Defined by text, so that the file does not name the place of this script.
module = torch.jit.ScriptModule()
module.define("""
def forward(self, sound: Tensor, rate: int) -> Tensor:
    return torch.stack([sound.mean(1) * rate, sound.amax(1)], 1)
""")
module.save("scripted.pt")
