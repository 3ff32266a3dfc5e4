// gelu and its gradient, in the exact form (normal distribution) or the tanh approximation.
#include "metal/logistic.h"
#if defined(__METAL_VERSION__)

constant uint kTanh [[function_constant(1)]];

// Φ(−|x|) and Φ′(x).
struct Normal {
  float4 tail, density;
};

// Φ(−|x|) = e^(−x²/2)·t·P(1 − 2t) with t = 1 / (1 + ⅜|x|). The form and the polynomial are those of
// cpu/gelu.cc, which gives their source.
inline Normal NormalOf(float4 x) {
  const float4 e = exp(x * (-0.5f * x));
  const float4 t = 1.0f / (1.0f + 0.375f * fabs(x));
  const float4 u = 1.0f - (t + t);
  float4 p = fma(float4(-4.0680985e-5f), u, float4(-1.5586881e-4f));
  p = fma(p, u, float4(2.3939769e-5f));
  p = fma(p, u, float4(1.005314e-3f));
  p = fma(p, u, float4(6.094016e-4f));
  p = fma(p, u, float4(-6.4118477e-3f));
  p = fma(p, u, float4(-2.7419792e-3f));
  p = fma(p, u, float4(6.217671e-2f));
  p = fma(p, u, float4(-0.17305408f));
  p = fma(p, u, float4(0.26818228f));
  Normal normal;
  normal.tail = e * (t * p);
  normal.density = e * 0.3989422804014327f;
  return normal;
}

inline float4 NormalSlope(float4 x) {
  const Normal normal = NormalOf(x);
  return fma(x, normal.density, Share(x, normal.tail));
}

// 2u = 2·√(2/π)·(x + 0.044715·x³), and its derivative: ½·(1 + tanh u) = σ(2u).
constant constexpr float kDouble = 1.5957691216057308f, kCubic = 0.044715f;
inline float4 Argument(float4 x) { return x * fma(float4(kDouble * kCubic), x * x, float4(kDouble)); }
inline float4 ArgumentSlope(float4 x) { return fma(float4(3 * kDouble * kCubic), x * x, float4(kDouble)); }

// Beyond ±30 the slope is 1 or 0, and x² must not overflow. A NaN stays a NaN.
inline float4 TanhSlope(float4 x) {
  const float4 below = select(x, float4(30.0f), x > 30.0f), z = select(below, float4(-30.0f), below < -30.0f);
  const Logistic logistic = Sigmoids(Argument(z));
  return fma(z * logistic.smaller, logistic.larger * ArgumentSlope(z), Share(z, logistic.smaller));
}

kernel void gelu(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                 device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                 uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = LoadQuad(FloatsIn(x, 1u), i, n);
  const float4 tail = kTanh ? Sigmoids(Argument(value)).smaller : NormalOf(value).tail;
  StoreQuad(FloatsOut(y, 0u), i, n, value * Share(value, tail));
}

kernel void gelu_backward(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                          device float* dx [[buffer(2)]], device const float* x [[buffer(3)]],
                          device const float* dy [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = LoadQuad(FloatsIn(x, 1u), i, n), gradient = LoadQuad(FloatsIn(dy, 2u), i, n);
  StoreQuad(FloatsOut(dx, 0u), i, n, gradient * (kTanh ? TanhSlope(value) : NormalSlope(value)));
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/gelu.h"

namespace nano::metal {

Outcome RunGelu(const Call& call, Message& message) {
  return ForQuads(call, message, {"gelu", "gelu"}, {call.outputs[0], call.inputs[0]},
                  {call.params->as<GeluParams>().tanh});
}

Outcome RunGeluBackward(const Call& call, Message& message) {
  return ForQuads(call, message, {"gelu", "gelu_backward"}, {call.outputs[0], call.inputs[0], call.inputs[1]},
                  {call.params->as<GeluParams>().tanh});
}

}  // namespace nano::metal
#endif
