// Mutants of native/gpu/handles.cc: see metal.js.

const { alike } = require('../../alike')

module.exports = {
  'gpu/handles.cc': alike({ gpu: true, healthy: true }, [
    'new memory is not zeroed',
    '  std::memset(to, 0, bytes);\n',
    '',
  ]),
}
