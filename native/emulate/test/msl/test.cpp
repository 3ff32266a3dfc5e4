// test.cpp — parity of the example kernels with float64 references, and mutants of them that must be caught.
#include "../../msl/dispatch.h"
#include "driver.h"
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>

typedef std::vector<float> Floats;
typedef std::vector<double> Doubles;
typedef std::vector<uint16_t> Halves;

// ---- small tools -------------------------------------------------------------------------------------------------------
static uint64_t rng_state = 1;
static double uniform() {
  rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
  return (double)(rng_state >> 11) / (double)(1ull << 53) * 2 - 1;
}
static Floats random_floats(size_t n) { Floats v(n); for (float& x : v) x = (float)uniform(); return v; }
static std::string slurp(const std::string& path) { std::ifstream f(path); std::stringstream s; s << f.rdbuf(); return s.str(); }

static double nmse(const Doubles& want, const Doubles& got) {
  double e = 0, n = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    e += (want[i] - got[i]) * (want[i] - got[i]); n += want[i] * want[i];
  }
  return n > 0 ? e / n : e > 0 ? INFINITY : 0;
}
static float bits_float(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static uint16_t to_bf16(float f) { uint32_t u; memcpy(&u, &f, 4); return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16); }
static float from_bf16(uint16_t h) { return bits_float((uint32_t)h << 16); }
static float from_f16(uint16_t h) {
  int e = h >> 10 & 31, m = h & 1023; float s = h & 0x8000 ? -1.f : 1.f;
  return e == 31 ? (m ? NAN : s * INFINITY) : e ? s * std::ldexp(1.f + (float)m / 1024, e - 15) : s * std::ldexp((float)m, -24);
}
static uint16_t to_f16(float f) {  // normal range only, to nearest even
  if (f == 0) return 0;
  int e; float a = std::fabs(std::frexp(f, &e));
  int m = (int)std::nearbyint(std::ldexp(a, 11));
  if (m == 2048) { m = 1024; ++e; }
  return e < -13 ? 0 : (uint16_t)((f < 0 ? 0x8000 : 0) | (e + 14) << 10 | (m & 1023));
}
template <class T> Binding in(std::vector<T>& v) { return {v.data(), v.size() * sizeof(T)}; }
template <class T> Binding inout(std::vector<T>& v) { return {v.data(), v.size() * sizeof(T), true}; }
template <class T> Binding value(T& v) { return {&v, sizeof v, false, true}; }

// A case runs its kernels once and returns "" or what is wrong; it raises `worst` to its error.
struct Run { std::string source; bool fast; double worst = 0; };
typedef std::function<std::string(Run&)> Case;
static std::string judge(Run& r, const char* what, const Doubles& want, const Doubles& got, double bound) {
  double e = nmse(want, got);
  r.worst = std::max(r.worst, e / bound);  // in units of the bound
  if (e <= bound) return "";
  char t[100]; snprintf(t, sizeof t, "wrong result: %s has nmse %.1e > %.0e", what, e, bound);
  return t;
}

// ---- gemm ---------------------------------------------------------------------------------------------------------------
struct Format { const char* name; double bound; };  // bounds: fp32 1e-9; 16 bit: output rounding, (half ulp)^2 and a margin
static const Format f32{"float", 1e-9}, f16{"half", 2e-7}, bf16{"bfloat", 1e-5};
static Case gemm(Format f, unsigned m, unsigned n, unsigned k, bool trans, bool bias) {
  return [=](Run& r) -> std::string {
    bool wide = !strcmp(f.name, "float"), half = !strcmp(f.name, "half");
    Floats x[4] = {random_floats((size_t)m * k), random_floats((size_t)k * n), Floats((size_t)m * n, 7), random_floats(n)};
    Halves h[4];
    for (int i = 0; i < 4; ++i) for (float& v : x[i]) if (!wide) { h[i].push_back(half ? to_f16(v) : to_bf16(v)); v = half ? from_f16(h[i].back()) : from_bf16(h[i].back()); }
    struct { uint32_t m, n, k; } shape{m, n, k};
    Call c;
    c.kernel = std::string("gemm_") + f.name;
    c.constants = {{0, trans}, {1, bias}};
    for (int i : {0, 1, 2, -1, 3}) {
      Binding b = i < 0 ? value(shape) : wide ? in(x[i]) : in(h[i]);
      b.copy_back = i == 2;
      if (i == 3 && !bias) b = {};
      c.args.push_back(b);
    }
    c.threads[0] = (n + 31) / 32 * 128; c.threads[1] = (m + 31) / 32; c.group[0] = 128;
    std::string bad = gpu_run(r.source, r.fast, {c});
    if (!bad.empty()) return bad;
    Doubles want, got;
    for (unsigned i = 0; i < m; ++i)
      for (unsigned j = 0; j < n; ++j) {
        double s = bias ? x[3][j] : 0;
        for (unsigned l = 0; l < k; ++l) s += (double)x[0][i * k + l] * x[1][trans ? j * k + l : l * n + j];
        want.push_back(s);
        size_t at = (size_t)i * n + j;
        got.push_back(wide ? x[2][at] : half ? from_f16(h[2][at]) : from_bf16(h[2][at]));
      }
    return judge(r, "c", want, got, f.bound);
  };
}

// ---- attention ------------------------------------------------------------------------------------------------------------
static Case attention(unsigned heads, unsigned t) {
  return [=](Run& r) -> std::string {
    const unsigned d = 64;
    Floats q = random_floats(heads * t * d), k = random_floats(heads * t * d), v = random_floats(heads * t * d);
    for (float& x : q) x *= 4;
    Floats o(heads * t * d, 7), lse(heads * t, 7);
    struct { uint32_t t; float scale; } shape{t, 0.125f};
    Call c;
    c.kernel = "attention_forward";
    c.args = {in(q), in(k), in(v), inout(o), inout(lse), value(shape)};
    c.threads[0] = (t + 31) / 32 * 128; c.threads[1] = heads; c.group[0] = 128;
    std::string bad = gpu_run(r.source, r.fast, {c});
    if (!bad.empty()) return bad;
    Doubles want, want_lse;
    for (unsigned h = 0; h < heads; ++h)
      for (unsigned i = 0; i < t; ++i) {
        Doubles p; double sum = 0, out[64] = {};
        for (unsigned j = 0; j <= i; ++j) {
          double s = 0;
          for (unsigned x = 0; x < d; ++x) s += (double)q[(h * t + i) * d + x] * k[(h * t + j) * d + x];
          p.push_back(std::exp(s * 0.125)); sum += p.back();
        }
        for (unsigned j = 0; j <= i; ++j) for (unsigned x = 0; x < d; ++x) out[x] += p[j] / sum * v[(h * t + j) * d + x];
        want.insert(want.end(), out, out + d);
        want_lse.push_back(std::log(sum));
      }
    bad = judge(r, "o", want, Doubles(o.begin(), o.end()), 1e-9);
    return bad.empty() ? judge(r, "lse", want_lse, Doubles(lse.begin(), lse.end()), 1e-9) : bad;
  };
}

// ---- adamw ------------------------------------------------------------------------------------------------------------------
static Case adamw(unsigned n, float max_norm) {
  return [=](Run& r) -> std::string {
    struct { float lr, beta1, beta2, eps, weight_decay, correction1, correction2, max_norm; uint32_t n; } h[2];
    Floats p = random_floats(n), g = random_floats(n), m(n), v(n), norm(1, 0.f);
    Halves p16(n);
    Doubles P(p.begin(), p.end()), M(n), V(n);
    double total = 0;
    for (float x : g) total += (double)x * x;
    std::vector<Call> calls(3);
    uint32_t count = n;
    calls[0].kernel = "grad_norm2";
    calls[0].args = {in(g), inout(norm), value(count)};
    calls[0].threads[0] = 300; calls[0].group[0] = 100;  // simdgroups of 32, 32, 32 and 4
    for (int s = 0; s < 2; ++s) {
      h[s] = {0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, (float)(1 - std::pow(0.9, s + 1)), (float)(1 - std::pow(0.95, s + 1)), max_norm, n};
      Call& c = calls[s + 1];
      c.kernel = "adamw";
      c.args = {inout(p), in(g), inout(m), inout(v), inout(p16), in(norm), value(h[s])};
      c.threads[0] = (n + 3) / 4; c.group[0] = 64;
    }
    std::string bad = gpu_run(r.source, r.fast, calls);
    if (!bad.empty()) return bad;
    double scale = max_norm > 0 ? std::min(1.0, max_norm / (std::sqrt(total) + 1e-6)) : 1;
    for (int s = 0; s < 2; ++s)
      for (unsigned i = 0; i < n; ++i) {
        double x = g[i] * scale;
        M[i] = 0.9 * M[i] + 0.1 * x;
        V[i] = 0.95 * V[i] + 0.05 * x * x;
        P[i] = P[i] * (1 - 0.01 * 0.1) - 0.01 * (M[i] / (1 - std::pow(0.9, s + 1))) / (std::sqrt(V[i] / (1 - std::pow(0.95, s + 1))) + 1e-8);
      }
    Doubles half; for (uint16_t x : p16) half.push_back(from_f16(x));
    bad = judge(r, "norm", {total}, {norm[0]}, 1e-9);
    if (bad.empty()) bad = judge(r, "p", P, Doubles(p.begin(), p.end()), 1e-10);
    if (bad.empty()) bad = judge(r, "v", V, Doubles(v.begin(), v.end()), 1e-10);
    return bad.empty() ? judge(r, "p16", P, half, 2e-7) : bad;
  };
}
static Case dropout(unsigned n) {
  return [=](Run& r) -> std::string {
    struct { uint32_t n, threshold; float scale; uint32_t lo, hi, stream; } d{n, 1u << 30, 1 / 0.75f, 0x12345678, 0x9abcdef0, 5};
    Floats x = random_floats(n), y(n, 7);
    Call c;
    c.kernel = "dropout";
    c.args = {in(x), inout(y), value(d)};
    c.threads[0] = (n + 3) / 4; c.group[0] = 64;
    std::string bad = gpu_run(r.source, r.fast, {c});
    if (!bad.empty()) return bad;
    Doubles want;
    for (unsigned i = 0; i < n; ++i) {
      uint32_t w[4] = {i / 4, 0, d.stream, 0}, k0 = d.lo, k1 = d.hi;
      for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
        uint64_t a = 0xD2511F53ull * w[0], b = 0xCD9E8D57ull * w[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ w[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ w[3] ^ k1, (uint32_t)a};
        memcpy(w, next, sizeof w);
      }
      want.push_back(w[i % 4] >= d.threshold ? (double)x[i] / 0.75 : 0);
    }
    return judge(r, "y", want, Doubles(y.begin(), y.end()), 1e-10);
  };
}

// ---- the table -----------------------------------------------------------------------------------------------------------------
struct Mutant { const char *what, *from, *to; };
struct Family { const char* file; std::vector<Case> cases; std::vector<Mutant> mutants; };
static std::vector<Family> families() {
  return {
      {"sgemm",
       {gemm(f32, 1, 1, 1, false, false), gemm(f32, 33, 17, 9, true, true), gemm(f32, 32, 32, 16, false, true), gemm(f32, 65, 31, 47, false, false),
        gemm(f32, 5, 70, 100, true, false), gemm(f16, 33, 41, 50, true, true), gemm(bf16, 33, 41, 50, false, true)},
       {{"drop barrier after staging", "threadgroup_barrier(mem_flags::mem_threadgroup);\n    for (uint k = 0", "for (uint k = 0"},
        {"drop barrier before overwrite", "threadgroup_barrier(mem_flags::mem_threadgroup);  // before", "// before"},
        {"barrier with the wrong flags", "threadgroup_barrier(mem_flags::mem_threadgroup);  // before", "threadgroup_barrier(mem_flags::mem_device);  // before"},
        {"read one past the edge of A", "gy < s.m && gx < s.k ? a", "gy <= s.m && gx < s.k ? a"},
        {"swap an index", "ulong(gx) * s.k + gy", "ulong(gy) * s.k + gx"},
        {"barrier only in some simdgroups", "for (uint i = 0; i < 2; ++i)\n    for (uint j = 0; j < 2; ++j) simdgroup_store", "if (sg == 3) return;\n  for (uint i = 0; i < 2; ++i)\n    for (uint j = 0; j < 2; ++j) simdgroup_store"}}},
      {"attention",
       {attention(1, 1), attention(2, 31), attention(1, 32), attention(3, 33), attention(1, 97)},
       {{"drop barrier before new keys", "threadgroup_barrier(mem_flags::mem_threadgroup);  // everyone", "// everyone"},
        {"drop barrier after new keys", "threadgroup_barrier(mem_flags::mem_threadgroup);\n\n    for (uint j", "for (uint j"},
        {"drop simdgroup barrier after scores", "simdgroup_barrier(mem_flags::mem_threadgroup);\n\n    float m", "float m"},
        {"drop simdgroup barrier after softmax", "shrink;\n    simdgroup_barrier(mem_flags::mem_threadgroup);", "shrink;"},
        {"mask the diagonal", "k0 + x <= query ? exp", "k0 + x < query ? exp"},
        {"no edge check on keys", "const bool in = k0 + y < s.t;", "const bool in = true;"},
        {"forget to rescale", "row_sum = row_sum * shrink + sum", "row_sum = row_sum + sum"}}},
      {"adamw",
       {adamw(1, 0), adamw(3, 1), adamw(127, 0), adamw(1000, 2), adamw(4097, 5), dropout(1), dropout(7), dropout(1026)},
       {{"drop barrier in reduction", "threadgroup_barrier(mem_flags::mem_threadgroup);\n  if (tid", "if (tid"},
        {"atomic becomes plain add", "atomic_fetch_add_explicit(out, total, memory_order_relaxed)", "*(device float*)out += total"},
        {"no edge check on the tail", "min(first + 4, h.n)", "first + 4"},
        {"wrong bias correction", "m1 / h.correction1", "m1 / h.correction2"},
        {"nine Philox rounds", "round < 10", "round < 9"}}},
  };
}

static const struct { const char* name; emu::Schedule s; bool races; } kModes[] = {
    {"ascending", emu::Schedule::ascending, false}, {"descending", emu::Schedule::descending, false},
    {"shuffle", emu::Schedule::shuffle, false}, {"race", emu::Schedule::shuffle, true}};

int main(int argc, char** argv) {
  std::string root = argc > 1 ? argv[1] : ".";
  int failures = 0;
  if (argc > 2 && !strcmp(argv[2], "bench")) {  // the emulator's own speed
    for (bool races : {false, true}) {
      Run r{slurp(root + "/kernels/sgemm.metal"), true};
      emu::options() = {emu::Schedule::ascending, 1, races};
      gemm(f32, 32, 32, 16, false, false)(r);  // compiles
      std::clock_t start = std::clock();
      unsigned n = races ? 128 : 256;
      std::string bad = gemm(f32, n, n, n, false, false)(r);
      double s = (double)(std::clock() - start) / CLOCKS_PER_SEC;
      printf("gemm %u^3 %s: %.3f GFLOP/s of CPU time (reference included) %s\n", n, races ? "with race detector" : "plain", 2e-9 * n * n * n / s, bad.c_str());
    }
    return 0;
  }
  printf("%-10s %-9s", "parity", "math");
  for (auto& m : kModes) printf(" %-22s", m.name);
  printf("\n");
  for (auto& f : families())
    for (bool fast : {false, true}) {
      printf("%-10s %-9s", f.file, fast ? "fast" : "precise");
      for (auto& mode : kModes) {
        Run r{slurp(root + "/kernels/" + f.file + ".metal"), fast};
        std::string bad; int index = 0;
        auto start = std::chrono::steady_clock::now();
        for (auto& c : f.cases) {
          emu::options() = {mode.s, 1 + (uint64_t)index, mode.races};
          rng_state = 1 + (uint64_t)index++;
          bad = c(r);
          if (!bad.empty()) { bad = "case " + std::to_string(index - 1) + ": " + bad; break; }
        }
        double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        char t[64]; snprintf(t, sizeof t, "%s %.1g of bound %.1fs", bad.empty() ? "ok" : "FAIL", r.worst, s);
        printf(" %-22s", t); fflush(stdout);
        if (!bad.empty()) { ++failures; printf("\n    %s\n", bad.c_str()); }
      }
      printf("\n");
    }

  printf("\n%-10s %-38s", "mutants", "");
  for (auto& m : kModes) printf(" %-10s", m.name);
  printf(" first report\n");
  for (auto& f : families()) {
    std::string source = slurp(root + "/kernels/" + f.file + ".metal");
    for (auto& m : f.mutants) {
      std::string mutated = source; size_t at = mutated.find(m.from);
      if (at == std::string::npos) { printf("%s: mutant '%s' does not apply\n", f.file, m.what); ++failures; continue; }
      mutated.replace(at, strlen(m.from), m.to);
      printf("%-10s %-38s", f.file, m.what);
      std::string first; bool caught = false;
      for (auto& mode : kModes) {
        Run r{mutated, true};
        std::string bad; int index = 0;
        for (auto& c : f.cases) {
          emu::options() = {mode.s, 1 + (uint64_t)index, mode.races};
          rng_state = 1 + (uint64_t)index++;
          if (!(bad = c(r)).empty()) break;
        }
        if (bad.rfind("compile:", 0) == 0) { printf("%s\n", bad.c_str()); ++failures; }
        caught |= !bad.empty();
        if (first.empty()) first = bad;
        printf(" %-10s", bad.empty() ? "-" : bad.rfind("wrong", 0) == 0 ? "result" : bad.rfind("race", 0) == 0 ? "race" :
               bad.rfind("deadlock", 0) == 0 ? "deadlock" : "fault");
      }
      printf(" %s\n", caught ? first.c_str() : "SURVIVED"); fflush(stdout);
      failures += !caught;
    }
  }
  printf("\n%s\n", failures ? "FAILED" : "all passed");
  return failures != 0;
}
