// Mutants of native/cuda/products.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/products.cuh': alike(
    { cases: /^matmul bf16 (3x33|17x31).*/, sources: ['matmul.cu'] },
    ['operands read as f32', 'product.dtype = call.inputs[first].spec->dtype', 'product.dtype = Dtype::kF32'],
    ['a result like the operands', 'c_dtype = call.outputs[0]', 'c_dtype = call.inputs[first]'],
    [
      'f32 whatever the precision',
      'call.scratch, call.precision)',
      'call.scratch)',
      { cases: /^matmul tf32 (3x33|17x31).*/, sources: ['matmul.cu'] },
    ],
  ),
}
