"""The spec that the tests have open, and the library beside it."""

SPEC = """sysid 1
use "blocks.sysid"
param width = 32 in [16, 32, 64]   # 😀 more is slower
let half = width // 2

signals {
  sampling_time = 4 s
  input  u : float32 "V"
  output y : float32 "m"
}

model tanks: u[128], y[16] -> y[16] {
  Conv1d(half, 3)
  mlp(width)
  @residual { Linear(width)  Tanh  Linear(width) }
  Linear(1) as readout
}

data {
  train = cascaded_tanks(samples = 3_000)
  normalize = standard
}

train simulation {
  optimizer = AdamW(lr = 1e-3)
  epochs = 3
}
"""
LIBRARY = """sysid 1
block mlp(size, depth = 1) { repeat depth { Linear(size)  GELU } }
"""
