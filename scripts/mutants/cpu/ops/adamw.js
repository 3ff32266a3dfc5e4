// Mutants of native/ops/adamw.h: see cpu.js.

module.exports = {
  'ops/adamw.h': [
    ['m not corrected', 'static_cast<float>(rate / correction1)', 'static_cast<float>(rate)', ['adamw.cc']],
    [
      'one beta for both',
      'Power(p.beta2, static_cast<uint32_t>(step))',
      'Power(p.beta1, static_cast<uint32_t>(step))',
      ['adamw.cc'],
    ],
    ['a power one short', 'exponent != 0; exponent >>= 1', 'exponent > 1; exponent >>= 1', ['adamw.cc']],
  ],
}
