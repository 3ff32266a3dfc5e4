// gelu and its gradient, exact (with the normal distribution) or approximated with tanh.
#include "cuda/kernels.h"
#include "cuda/logistic.cuh"
#include "cuda/quads.cuh"
#include "ops/gelu.h"

namespace nano::cuda {
namespace {

// Φ(−|x|), and Φ′(x).
struct Normal {
  float tail, density;
};

// Φ(−|x|) = e^(−x²/2)·t·P(1 − 2t) with t = 1 / (1 + ⅜|x|). cpu/gelu.cc has the same form and
// polynomial and explains where they come from.
__device__ __forceinline__ Normal NormalOf(float x) {
  const float e = expf(x * (-0.5f * x));
  const float t = __fdividef(1.0f, fmaf(0.375f, fabsf(x), 1.0f));
  const float u = 1.0f - (t + t);
  float p = fmaf(-4.0680985e-5f, u, -1.5586881e-4f);
  p = fmaf(p, u, 2.3939769e-5f);
  p = fmaf(p, u, 1.005314e-3f);
  p = fmaf(p, u, 6.094016e-4f);
  p = fmaf(p, u, -6.4118477e-3f);
  p = fmaf(p, u, -2.7419792e-3f);
  p = fmaf(p, u, 6.217671e-2f);
  p = fmaf(p, u, -0.17305408f);
  p = fmaf(p, u, 0.26818228f);
  return {e * (t * p), e * 0.3989422804014327f};
}

__device__ __forceinline__ float NormalSlope(float x) {
  const Normal normal = NormalOf(x);
  return fmaf(x, normal.density, Share(x, normal.tail));
}

// 2u = 2·√(2/π)·(x + 0.044715·x³), and its derivative: ½·(1 + tanh u) = σ(2u).
constexpr float kDouble = 1.5957691216057308f, kCubic = 0.044715f;
__device__ __forceinline__ float Argument(float x) { return x * fmaf(kDouble * kCubic, x * x, kDouble); }
__device__ __forceinline__ float ArgumentSlope(float x) { return fmaf(3 * kDouble * kCubic, x * x, kDouble); }

// Clamps x to ±30, beyond which the slope is 1 or 0, so that x² stays finite. NaN is kept.
__device__ __forceinline__ float TanhSlope(float x) {
  const float z = x > 30.0f ? 30.0f : x < -30.0f ? -30.0f : x;
  const Logistic logistic = Sigmoids(Argument(z));
  return fmaf(z * logistic.smaller, logistic.larger * ArgumentSlope(z), Share(z, logistic.smaller));
}

}  // namespace

Outcome RunGelu(const Call& call, Message& message) {
  const Floats x = FloatInput(call, 0), y = FloatOutput(call, 0);
  if (call.params->as<GeluParams>().tanh) {
    return Map(
        call, message, y, [] __device__(float a) { return a * Share(a, Sigmoids(Argument(a)).smaller); }, x);
  }
  return Map(
      call, message, y, [] __device__(float a) { return a * Share(a, NormalOf(a).tail); }, x);
}

Outcome RunGeluBackward(const Call& call, Message& message) {
  const Floats x = FloatInput(call, 0), dy = FloatInput(call, 1), dx = FloatOutput(call, 0);
  if (call.params->as<GeluParams>().tanh) {
    return Map(
        call, message, dx, [] __device__(float a, float b) { return b * TanhSlope(a); }, x, dy);
  }
  return Map(
      call, message, dx, [] __device__(float a, float b) { return b * NormalSlope(a); }, x, dy);
}

}  // namespace nano::cuda
