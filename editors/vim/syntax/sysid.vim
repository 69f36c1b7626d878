" Vim syntax file of sysid specs. Made by `python -m sysidc.runtime.editors`; change the catalogue, not this file.
if exists("b:current_syntax")
  finish
endif

syntax case match

syntax keyword sysidKeyword as block data dynamics in input learn let log model output param repeat signals stage state
syntax keyword sysidKeyword sweep sysid test train use
syntax keyword sysidLayer Linear Conv1d Embedding GRU LSTM RNN LayerNorm BatchNorm1d Dropout Flatten Identity ReLU ReLU6
syntax keyword sysidLayer LeakyReLU ELU CELU SELU GELU SiLU Mish Tanh Sigmoid LogSigmoid Softsign Softplus Hardtanh
syntax keyword sysidLayer Hardsigmoid Hardswish Tanhshrink Softshrink Hardshrink PReLU TimeSeriesLinear DelayLine Last
syntax keyword sysidLayer Scale SelfAttention FrequencyLinear BoundedLinearUnit Clip LinearDynamics StateSpace
syntax keyword sysidLayer PolynomialStateSpace LRU Curve
syntax keyword sysidCallable ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax Box Combined ConstantLR Cosine
syntax keyword sysidCallable CosineAnnealingLR CosineAnnealingWarmRestarts Cyclic CyclicLR EarlyStopping Epanechnikov
syntax keyword sysidCallable ExponentialLR Huber L1 LBFGS LevenbergMarquardt LinearLR MSE MultiStep MultiStepLR NAdam
syntax keyword sysidCallable Network OnPlateau OneCycleLR Polynomial PolynomialLR Quartic RAdam RMSprop
syntax keyword sysidCallable ReduceLROnPlateau Rprop SGD SmoothL1 Spline Step StepLR Subspace Triangular Tricube
syntax keyword sysidCallable Triweight benchmark bouc_wen cascaded_tanks constant csv duffing eye hdf5 kaiming_normal
syntax keyword sysidCallable kaiming_uniform lorenz mat normal npy npz ones orthogonal parquet sparse trunc_normal
syntax keyword sysidCallable uniform wiener_hammerstein xavier_normal xavier_uniform zeros
syntax keyword sysidFunction sqrt exp log sin cos tan tanh atan abs sign min max relu sigmoid softplus clip der next
syntax keyword sysidDtype float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool
syntax keyword sysidConstant on off none all

syntax match sysidSetting /\<[A-Za-z_][A-Za-z0-9_]*\>\ze\s*=/
syntax match sysidAnnotation /@[A-Za-z_][A-Za-z0-9_]*/
syntax match sysidMode /\(\<train\s\+\)\@<=\(simulation\|prediction\|bounded\)\>/
syntax match sysidNumber /\<[0-9][0-9_]*\(\.[0-9][0-9_]*\)\?\([eE][+-]\?[0-9]\+\)\?\(\s*\(%\|\(us\|ms\|s\|min\|h\|Hz\|kHz\|MHz\)\>\)\)\?/
syntax match sysidOperator /->\|\.\.\|[-+*\/=]/
syntax region sysidString start=/"/ end=/"/ oneline
syntax keyword sysidTodo TODO FIXME XXX contained
syntax match sysidComment /#.*$/ contains=sysidTodo,@Spell

highlight default link sysidKeyword Statement
highlight default link sysidSetting Identifier
highlight default link sysidLayer Type
highlight default link sysidCallable Function
highlight default link sysidFunction Function
highlight default link sysidAnnotation PreProc
highlight default link sysidDtype StorageClass
highlight default link sysidConstant Constant
highlight default link sysidMode Special
highlight default link sysidNumber Number
highlight default link sysidString String
highlight default link sysidComment Comment
highlight default link sysidOperator Operator
highlight default link sysidTodo Todo

let b:current_syntax = "sysid"
