// Mutants of native/cpu/linear.cc: see cpu.js.

module.exports = {
  'cpu/linear.cc': [
    ['no bias', 'product.bias = call.inputs[2].f32();', ''],
    ['no relu', 'product.relu = call.params->as<LinearParams>().relu;', ''],
  ],
}
