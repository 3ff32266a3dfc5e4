// metal_shim.h — the part of metal_stdlib our kernels use, as "C++ for OpenCL" (clang -x clcpp -cl-std=clc++2021).
//
// It is force-included before the rewritten kernel source, which msl.mjs compiles twice:
//  * to run it, with the generic address space on (clang cannot copy structs without it);
//  * to judge it (MSL_STRICT), with the generic address space off. An unqualified pointer or an unqualified member
//    function then means `thread`, as in Metal: `device float*` does not convert to `float*`, and p->f() on a device
//    object needs `f() const device`. The errors that this mode adds about copying structs are ignored.
// Program-scope globals are off in both, so only `constant` may live at namespace scope.
// Everything that involves more than one thread is an extern "C" call into dispatch.cc.
#pragma once
#pragma clang system_header  // no warnings from here
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#define device __global
#define constant __constant
#define threadgroup __local
#define thread __private

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned long size_t;
typedef long ptrdiff_t;
typedef unsigned long uint64_t;
typedef long int64_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef unsigned char uint8_t;
typedef signed char int8_t;
#if __clang_major__ >= 17  // older clangs cannot compute with __bf16 on x86
#define MSL_HAS_BFLOAT 1
typedef __bf16 bfloat;
#endif

// A struct's implicit copies take the generic address space, which excludes `constant`. msl.mjs puts this into every
// struct of the kernel source; everything is defaulted, so the struct stays an aggregate.
#ifdef MSL_STRICT
#define MSL_COPYABLE(S)
#else
#define MSL_COPYABLE(S)                                                                                                \
  S(const S&) = default; S(S&&) = default; S(const constant S&) = default;                                             \
  S& operator=(const S&) = default; S& operator=(const constant S&) = default;
#endif

// ---- vectors ------------------------------------------------------------------------------------------------------
namespace metal {
template <class T, int N> using vec = T __attribute__((ext_vector_type(N)));
}
#define MSL_VECTORS(T)                                                                                                 \
  typedef metal::vec<T, 2> T##2;                                                                                       \
  typedef metal::vec<T, 3> T##3;                                                                                       \
  typedef metal::vec<T, 4> T##4;                                                                                       \
  typedef T packed_##T##2 __attribute__((ext_vector_type(2), aligned(sizeof(T))));                                     \
  typedef T packed_##T##4 __attribute__((ext_vector_type(4), aligned(sizeof(T))));                                     \
  typedef metal::packed_vec3<T> packed_##T##3;

namespace metal {
// A packed 3-vector has 3*sizeof(T) bytes, which no ext_vector has: a struct, with every member in every address space.
template <class T> struct packed_vec3 {
  packed_vec3() = default;
  MSL_COPYABLE(packed_vec3)
  T x, y, z;
#define MSL_PACKED3(AS)                                                                                                \
  operator vec<T, 3>() const AS { vec<T, 3> r; r.x = x; r.y = y; r.z = z; return r; }                                  \
  T operator[](int i) const AS { return i == 0 ? x : i == 1 ? y : z; }
  MSL_PACKED3(thread) MSL_PACKED3(device) MSL_PACKED3(threadgroup) MSL_PACKED3(constant)
#undef MSL_PACKED3
  void operator=(vec<T, 3> v) { x = v.x; y = v.y; z = v.z; }
#ifdef MSL_STRICT  // (in the other mode the one above is for every space, and these would be ambiguous)
  void operator=(vec<T, 3> v) device { x = v.x; y = v.y; z = v.z; }
  void operator=(vec<T, 3> v) threadgroup { x = v.x; y = v.y; z = v.z; }
#endif
};
}  // namespace metal

MSL_VECTORS(float) MSL_VECTORS(half) MSL_VECTORS(int) MSL_VECTORS(uint) MSL_VECTORS(short) MSL_VECTORS(ushort)
MSL_VECTORS(char) MSL_VECTORS(uchar) MSL_VECTORS(long) MSL_VECTORS(ulong)
#if MSL_HAS_BFLOAT
MSL_VECTORS(bfloat)
#endif

// Vector constructors. clang takes float4(1,2,3,4) only as a function call, so each vector type's name is also a
// function-like macro (expanded only where "(" follows); msl.mjs does the same for vec<T,N>(...).
namespace metal {
template <class T, int N> struct make_ {
  static void put(thread vec<T, N>& r, thread int& i, T v) { r[i++] = v; }
  template <class U, int M> static void put(thread vec<T, N>& r, thread int& i, vec<U, M> v) {
    for (int k = 0; k < M; ++k) r[i++] = (T)v[k];
  }
};
template <class T, int N> vec<T, N> make(T s) { vec<T, N> r; for (int i = 0; i < N; ++i) r[i] = s; return r; }
template <class T, int N, class U> vec<T, N> make(vec<U, N> v) { return __builtin_convertvector(v, vec<T, N>); }
template <class U> struct count_ { static constexpr constant int n = 1; };
template <class U, int M> struct count_<vec<U, M>> { static constexpr constant int n = M; };
template <class T, int N, class A, class B, class... R> vec<T, N> make(A a, B b, R... rest) {
  static_assert(count_<A>::n + count_<B>::n + (0 + ... + count_<R>::n) == N, "wrong number of vector components");
  vec<T, N> r; int i = 0;
  make_<T, N>::put(r, i, a); make_<T, N>::put(r, i, b); (make_<T, N>::put(r, i, rest), ...);
  return r;
}
}  // namespace metal
#define float2(...) metal::make<float, 2>(__VA_ARGS__)
#define float3(...) metal::make<float, 3>(__VA_ARGS__)
#define float4(...) metal::make<float, 4>(__VA_ARGS__)
#define half2(...) metal::make<half, 2>(__VA_ARGS__)
#define half3(...) metal::make<half, 3>(__VA_ARGS__)
#define half4(...) metal::make<half, 4>(__VA_ARGS__)
#define int2(...) metal::make<int, 2>(__VA_ARGS__)
#define int3(...) metal::make<int, 3>(__VA_ARGS__)
#define int4(...) metal::make<int, 4>(__VA_ARGS__)
#define uint2(...) metal::make<uint, 2>(__VA_ARGS__)
#define uint3(...) metal::make<uint, 3>(__VA_ARGS__)
#define uint4(...) metal::make<uint, 4>(__VA_ARGS__)
#define ushort2(...) metal::make<ushort, 2>(__VA_ARGS__)
#define ushort4(...) metal::make<ushort, 4>(__VA_ARGS__)
#define ulong2(...) metal::make<ulong, 2>(__VA_ARGS__)
#if MSL_HAS_BFLOAT
#define bfloat2(...) metal::make<bfloat, 2>(__VA_ARGS__)
#define bfloat4(...) metal::make<bfloat, 4>(__VA_ARGS__)
#endif

// ---- runtime interface (dispatch.cc) ----------------------------------------------------------------------------------
struct msl_ctx {  // must match struct Ctx in dispatch.h
  uint thread_position_in_grid[3], thread_position_in_threadgroup[3], threadgroup_position_in_grid[3];
  uint threads_per_threadgroup[3], dispatch_threads_per_threadgroup[3], threadgroups_per_grid[3], threads_per_grid[3];
  uint thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  uint simdgroups_per_threadgroup, threads_per_simdgroup;
};
extern "C" {
const thread msl_ctx* msl_get_ctx(void);
ulong msl_arg_buffer(uint index);
ulong msl_arg_threadgroup(uint index);
threadgroup void* msl_tg_var(uint slot, ulong bytes);
void msl_threadgroup_barrier(uint flags);
void msl_simdgroup_barrier(uint flags);
void msl_simd(int op, int type, thread void* value, uint arg);
void msl_mat_load(thread void* m, int type, ulong addr, ulong stride, ulong x, ulong y, int transpose);
void msl_mat_store(const thread void* m, int type, ulong addr, ulong stride, ulong x, ulong y, int transpose);
void msl_mat_mma(thread void* d, int td, const thread void* a, int ta, const thread void* b, int tb,
                 const thread void* c, int tc);
ulong msl_atomic(int op, int type, ulong addr, ulong value, ulong expected);
}

namespace metal {
// ---- small type traits --------------------------------------------------------------------------------------------
template <class A, class B> struct is_same { static constexpr constant bool value = false; };
template <class A> struct is_same<A, A> { static constexpr constant bool value = true; };
template <class A, class B> constexpr constant bool is_same_v = is_same<A, B>::value;
template <bool C, class A, class B> struct conditional { typedef A type; };
template <class A, class B> struct conditional<false, A, B> { typedef B type; };
template <bool C, class A, class B> using conditional_t = typename conditional<C, A, B>::type;
template <bool C, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { typedef T type; };
template <bool C, class T = void> using enable_if_t = typename enable_if<C, T>::type;

template <class T> struct tcode;  // the number by which dispatch.cc knows a scalar type
template <> struct tcode<float> { static constexpr constant int v = 0; };
template <> struct tcode<half> { static constexpr constant int v = 1; };
#if MSL_HAS_BFLOAT
template <> struct tcode<bfloat> { static constexpr constant int v = 2; };
#endif
template <> struct tcode<int> { static constexpr constant int v = 3; };
template <> struct tcode<uint> { static constexpr constant int v = 4; };
template <> struct tcode<short> { static constexpr constant int v = 5; };
template <> struct tcode<ushort> { static constexpr constant int v = 6; };
template <> struct tcode<char> { static constexpr constant int v = 7; };
template <> struct tcode<uchar> { static constexpr constant int v = 8; };
template <> struct tcode<long> { static constexpr constant int v = 9; };
template <> struct tcode<ulong> { static constexpr constant int v = 10; };

template <class To, class From> To as_type_(From f) {
  static_assert(sizeof(To) == sizeof(From), "as_type needs equal sizes");
  To t; __builtin_memcpy(&t, &f, sizeof t); return t;
}

// ---- barriers -----------------------------------------------------------------------------------------------------
enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
constexpr mem_flags operator|(mem_flags a, mem_flags b) { return (mem_flags)((int)a | (int)b); }
inline __attribute__((always_inline)) void threadgroup_barrier(mem_flags f) { msl_threadgroup_barrier((uint)f); }
inline __attribute__((always_inline)) void simdgroup_barrier(mem_flags f) { msl_simdgroup_barrier((uint)f); }

// ---- simdgroup functions (op numbers as in dispatch.cc) ----------------------------------------------------------------
#define MSL_INLINE inline __attribute__((always_inline))
#define MSL_SIMD(name, op)                                                                                             \
  template <class T> MSL_INLINE T name(T v) { msl_simd(op, tcode<T>::v, &v, 0); return v; }                             \
  template <class T, int N> MSL_INLINE vec<T, N> name(vec<T, N> v) {                                                    \
    _Pragma("unroll") for (int i = 0; i < N; ++i) { T s = v[i]; msl_simd(op, tcode<T>::v, &s, 0); v[i] = s; } return v; }
#define MSL_SIMD_ARG(name, op)                                                                                         \
  template <class T> MSL_INLINE T name(T v, ushort k) { msl_simd(op, tcode<T>::v, &v, k); return v; }                   \
  template <class T, int N> MSL_INLINE vec<T, N> name(vec<T, N> v, ushort k) {                                          \
    _Pragma("unroll") for (int i = 0; i < N; ++i) { T s = v[i]; msl_simd(op, tcode<T>::v, &s, k); v[i] = s; } return v; }
MSL_SIMD(simd_sum, 0) MSL_SIMD(simd_product, 1) MSL_SIMD(simd_max, 2) MSL_SIMD(simd_min, 3)
MSL_SIMD(simd_and, 4) MSL_SIMD(simd_or, 5) MSL_SIMD(simd_xor, 6)
MSL_SIMD(simd_prefix_inclusive_sum, 7) MSL_SIMD(simd_prefix_exclusive_sum, 8) MSL_SIMD(simd_broadcast_first, 9)
MSL_SIMD_ARG(simd_shuffle, 10) MSL_SIMD_ARG(simd_shuffle_xor, 11) MSL_SIMD_ARG(simd_shuffle_up, 12)
MSL_SIMD_ARG(simd_shuffle_down, 13) MSL_SIMD_ARG(simd_broadcast, 14)
MSL_INLINE bool simd_any(bool b) { uint v = b; msl_simd(5, 4, &v, 0); return v != 0; }
MSL_INLINE bool simd_all(bool b) { uint v = b; msl_simd(4, 4, &v, 0); return v != 0; }

// ---- simdgroup matrices ---------------------------------------------------------------------------------------------
// Each lane holds two elements, in an order private to dispatch.cc; thread_elements() is deliberately missing.
template <class T, int C, int R> struct simdgroup_matrix {
  static_assert(C == 8 && R == 8, "only 8x8 exists");
  T msl_elements[2];
  simdgroup_matrix() = default;
  MSL_COPYABLE(simdgroup_matrix)
  explicit simdgroup_matrix(T v) : msl_elements{v, v} {}  // a filled matrix; Metal's constructor makes a diagonal
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
#if MSL_HAS_BFLOAT
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;
#endif
template <class T, int C, int R> simdgroup_matrix<T, C, R> make_filled_simdgroup_matrix(T v) {
  simdgroup_matrix<T, C, R> m; m.msl_elements[0] = v; m.msl_elements[1] = v; return m;
}
#define MSL_MATRIX_MEMORY(AS)                                                                                          \
  template <class T> MSL_INLINE void simdgroup_load(thread simdgroup_matrix<T, 8, 8>& d, const AS T* p, ulong stride = 8, \
                                         vec<ulong, 2> origin = 0, bool transpose = false) {                           \
    msl_mat_load(&d, tcode<T>::v, (ulong)p, stride, origin.x, origin.y, transpose); }                                  \
  template <class T> MSL_INLINE void simdgroup_store(simdgroup_matrix<T, 8, 8> s, AS T* p, ulong stride = 8,            \
                                          vec<ulong, 2> origin = 0, bool transpose = false) {                          \
    msl_mat_store(&s, tcode<T>::v, (ulong)p, stride, origin.x, origin.y, transpose); }
MSL_MATRIX_MEMORY(device) MSL_MATRIX_MEMORY(threadgroup)
template <class D, class A, class B, class C>
MSL_INLINE void simdgroup_multiply_accumulate(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a,
                                   simdgroup_matrix<B, 8, 8> b, simdgroup_matrix<C, 8, 8> c) {
  msl_mat_mma(&d, tcode<D>::v, &a, tcode<A>::v, &b, tcode<B>::v, &c, tcode<C>::v);
}
template <class D, class A, class B>
MSL_INLINE void simdgroup_multiply(thread simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a, simdgroup_matrix<B, 8, 8> b) {
  simdgroup_matrix<D, 8, 8> zero; zero.msl_elements[0] = zero.msl_elements[1] = (D)0;
  simdgroup_multiply_accumulate(d, a, b, zero);
}

// ---- atomics (relaxed only, as in Metal before 3.2) ----------------------------------------------------------------
#define atomic_int msl_atomic_int    // OpenCL has types of these names
#define atomic_uint msl_atomic_uint
#define atomic_float msl_atomic_float
#define atomic_ulong msl_atomic_ulong
enum memory_order { memory_order_relaxed };
template <class T> struct atomic { T msl_value; };
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<float> atomic_float;
typedef atomic<ulong> atomic_ulong;
template <class T> ulong bits_(T v) { ulong u = 0; __builtin_memcpy(&u, &v, sizeof v); return u; }
template <class T> T unbits_(ulong u) { T v; __builtin_memcpy(&v, &u, sizeof v); return v; }
template <class T> struct same_ { typedef T type; };
#define MSL_ATOMIC_RMW(AS, name, op)                                                                                   \
  template <class T> T atomic_##name##_explicit(volatile AS atomic<T>* p, typename same_<T>::type v, memory_order) {   \
    return unbits_<T>(msl_atomic(op, tcode<T>::v, (ulong)p, bits_<T>(v), 0)); }
#define MSL_ATOMICS(AS)                                                                                                \
  MSL_ATOMIC_RMW(AS, exchange, 2) MSL_ATOMIC_RMW(AS, fetch_add, 3) MSL_ATOMIC_RMW(AS, fetch_sub, 4)                    \
  MSL_ATOMIC_RMW(AS, fetch_and, 5) MSL_ATOMIC_RMW(AS, fetch_or, 6) MSL_ATOMIC_RMW(AS, fetch_xor, 7)                    \
  MSL_ATOMIC_RMW(AS, fetch_min, 8) MSL_ATOMIC_RMW(AS, fetch_max, 9)                                                    \
  template <class T> T atomic_load_explicit(const volatile AS atomic<T>* p, memory_order) {                            \
    return unbits_<T>(msl_atomic(0, tcode<T>::v, (ulong)p, 0, 0)); }                                                   \
  template <class T> void atomic_store_explicit(volatile AS atomic<T>* p, typename same_<T>::type v, memory_order) {   \
    msl_atomic(1, tcode<T>::v, (ulong)p, bits_<T>(v), 0); }                                                            \
  template <class T> bool atomic_compare_exchange_weak_explicit(volatile AS atomic<T>* p, thread T* expected,          \
                                     typename same_<T>::type v, memory_order, memory_order) {                          \
    ulong want = bits_<T>(*expected), got = msl_atomic(10, tcode<T>::v, (ulong)p, bits_<T>(v), want);                  \
    if (!(got >> 63) && got == want) return true; /* bit 63: a spurious failure, which `weak` allows */                \
    *expected = unbits_<T>(got); return false; }
MSL_ATOMICS(device) MSL_ATOMICS(threadgroup)

// ---- math -----------------------------------------------------------------------------------------------------------
// float and half (computed in float, rounded once), and vectors of both. No bfloat overloads: convert to float.
#define MSL_F1(name, expr)                                                                                             \
  MSL_INLINE float name(float x) { return expr; }                                                                      \
  MSL_INLINE half name(half h) { float x = (float)h; return (half)(expr); }                                            \
  template <class T, int N> vec<T, N> name(vec<T, N> v) { for (int i = 0; i < N; ++i) v[i] = name((T)v[i]); return v; }
#define MSL_F2(name, expr)                                                                                             \
  MSL_INLINE float name(float x, float y) { return expr; }                                                             \
  MSL_INLINE half name(half a, half b) { float x = (float)a, y = (float)b; return (half)(expr); }                      \
  template <class T, int N> vec<T, N> name(vec<T, N> a, vec<T, N> b) {                                                 \
    for (int i = 0; i < N; ++i) a[i] = name((T)a[i], (T)b[i]); return a; }
#define MSL_MATH                                                                                                       \
  MSL_F1(exp, __builtin_expf(x)) MSL_F1(exp2, __builtin_exp2f(x)) MSL_F1(exp10, __builtin_powf(10.0f, x))              \
  MSL_F1(log, __builtin_logf(x)) MSL_F1(log2, __builtin_log2f(x)) MSL_F1(log10, __builtin_log10f(x))                   \
  MSL_F1(sin, __builtin_sinf(x)) MSL_F1(cos, __builtin_cosf(x)) MSL_F1(tan, __builtin_tanf(x))                         \
  MSL_F1(asin, __builtin_asinf(x)) MSL_F1(acos, __builtin_acosf(x)) MSL_F1(atan, __builtin_atanf(x))                   \
  MSL_F1(sinh, __builtin_sinhf(x)) MSL_F1(cosh, __builtin_coshf(x)) MSL_F1(tanh, __builtin_tanhf(x))                   \
  MSL_F1(sqrt, __builtin_sqrtf(x)) MSL_F1(rsqrt, 1.0f / __builtin_sqrtf(x))                                            \
  MSL_F2(pow, __builtin_powf(x, y)) MSL_F2(powr, __builtin_powf(x, y)) MSL_F2(atan2, __builtin_atan2f(x, y))           \
  MSL_F2(divide, x / y)
MSL_MATH
namespace fast { MSL_MATH }     // both are libm here: the accuracy of the GPU's fast versions is NOT modelled
namespace precise { MSL_MATH }
MSL_F1(fabs, __builtin_fabsf(x)) MSL_F1(floor, __builtin_floorf(x)) MSL_F1(ceil, __builtin_ceilf(x))
MSL_F1(trunc, __builtin_truncf(x)) MSL_F1(round, __builtin_roundf(x)) MSL_F1(rint, __builtin_rintf(x))
MSL_F1(fract, x - __builtin_floorf(x)) MSL_F1(saturate, __builtin_fminf(__builtin_fmaxf(x, 0.0f), 1.0f))
MSL_F1(sign, x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f)
MSL_F2(fmin, __builtin_fminf(x, y)) MSL_F2(fmax, __builtin_fmaxf(x, y)) MSL_F2(fmod, __builtin_fmodf(x, y))
MSL_F2(copysign, __builtin_copysignf(x, y)) MSL_F2(step, y < x ? 0.0f : 1.0f) MSL_F2(fdim, x > y ? x - y : 0.0f)
MSL_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
MSL_INLINE half fma(half a, half b, half c) { return (half)__builtin_fmaf((float)a, (float)b, (float)c); }
template <class T, int N> vec<T, N> fma(vec<T, N> a, vec<T, N> b, vec<T, N> c) {
  for (int i = 0; i < N; ++i) a[i] = fma((T)a[i], (T)b[i], (T)c[i]);
  return a;
}
MSL_INLINE float ldexp(float x, int k) { return __builtin_ldexpf(x, k); }
MSL_INLINE bool isnan(float x) { return __builtin_isnan(x); }
MSL_INLINE bool isinf(float x) { return __builtin_isinf(x); }
MSL_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
// Templates over one type T: mixed argument types are ambiguous in Metal and fail to deduce here.
template <class T> MSL_INLINE T min(T a, T b) { return b < a ? b : a; }
template <class T> MSL_INLINE T max(T a, T b) { return a < b ? b : a; }
template <class T> MSL_INLINE T abs(T a) { return a < (T)0 ? -a : a; }
template <class T> MSL_INLINE T clamp(T x, T lo, T hi) { return min(max(x, lo), hi); }
template <class T> MSL_INLINE T mix(T a, T b, T t) { return a + (b - a) * t; }
template <class T> MSL_INLINE T select(T a, T b, bool c) { return c ? b : a; }
template <class T, int N, class M> MSL_INLINE vec<T, N> select(vec<T, N> a, vec<T, N> b, vec<M, N> c) { return c ? b : a; }
template <class M, int N> bool any(vec<M, N> m) { bool r = false; for (int i = 0; i < N; ++i) r |= m[i] != 0; return r; }
template <class M, int N> bool all(vec<M, N> m) { bool r = true; for (int i = 0; i < N; ++i) r &= m[i] != 0; return r; }
template <class T, int N> T dot(vec<T, N> a, vec<T, N> b) { T s = 0; for (int i = 0; i < N; ++i) s += a[i] * b[i]; return s; }
template <int N> float length(vec<float, N> a) { return sqrt(dot(a, a)); }
template <int N> vec<float, N> normalize(vec<float, N> a) { return a * rsqrt(dot(a, a)); }

// ---- integers and bits -----------------------------------------------------------------------------------------------
MSL_INLINE uint popcount(uint x) { return (uint)__builtin_popcount(x); }
MSL_INLINE uint clz(uint x) { return x ? (uint)__builtin_clz(x) : 32u; }
MSL_INLINE uint ctz(uint x) { return x ? (uint)__builtin_ctz(x) : 32u; }
MSL_INLINE uint reverse_bits(uint x) { return __builtin_bitreverse32(x); }
MSL_INLINE uint rotate(uint x, uint k) { k &= 31; return k ? x << k | x >> (32 - k) : x; }
MSL_INLINE uint mulhi(uint a, uint b) { return (uint)((ulong)a * b >> 32); }
MSL_INLINE int mulhi(int a, int b) { return (int)((long)a * b >> 32); }
MSL_INLINE ulong mulhi(ulong a, ulong b) { return (ulong)((unsigned __int128)a * b >> 64); }
MSL_INLINE uint extract_bits(uint x, uint off, uint n) { return n ? x >> off & (~0u >> (32 - n)) : 0u; }
MSL_INLINE uint insert_bits(uint base, uint ins, uint off, uint n) {
  uint m = n ? (~0u >> (32 - n)) << off : 0u;
  return (base & ~m) | (ins << off & m);
}

template <class T> struct numeric_limits;
template <> struct numeric_limits<float> {
  static constexpr float max() { return __FLT_MAX__; }
  static constexpr float lowest() { return -__FLT_MAX__; }
  static constexpr float epsilon() { return __FLT_EPSILON__; }
  static constexpr float infinity() { return __builtin_inff(); }
};
template <> struct numeric_limits<uint> { static constexpr uint max() { return ~0u; } };
template <> struct numeric_limits<int> {
  static constexpr int max() { return __INT_MAX__; }
  static constexpr int min() { return -__INT_MAX__ - 1; }
};
}  // namespace metal

template <class To, class From> MSL_INLINE To as_type(From f) { return metal::as_type_<To, From>(f); }

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX __FLT_MAX__
#define FLT_MIN __FLT_MIN__
#define FLT_EPSILON __FLT_EPSILON__
#define HALF_MAX ((half)65504.0f)
#define INT_MAX __INT_MAX__
#define UINT_MAX (~0u)
#define M_PI_F 3.14159265358979323846f
#define M_SQRT1_2_F 0.707106781186547524401f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LN2_F 0.693147180559945309417f

// ---- kernel entry: how the generated wrappers fetch their arguments ----------------------------------------------------
template <class T> struct msl_position;  // uint/ushort and their vectors, from a uint[3] or a uint of msl_ctx
#define MSL_POSITION(S)                                                                                                \
  template <> struct msl_position<S> { static S get(const thread uint* p) { return (S)p[0]; } };                       \
  template <> struct msl_position<metal::vec<S, 2>> {                                                                  \
    static metal::vec<S, 2> get(const thread uint* p) { metal::vec<S, 2> r; r.x = (S)p[0]; r.y = (S)p[1]; return r; } }; \
  template <> struct msl_position<metal::vec<S, 3>> { static metal::vec<S, 3> get(const thread uint* p) {              \
    metal::vec<S, 3> r; r.x = (S)p[0]; r.y = (S)p[1]; r.z = (S)p[2]; return r; } };
MSL_POSITION(uint) MSL_POSITION(ushort)
// A threadgroup variable lives in the emulator's guarded arena, one allocation per slot and group.
template <class A> MSL_INLINE threadgroup A& msl_tg(uint slot) { return *(threadgroup A*)msl_tg_var(slot, sizeof(A)); }

// What MSL does not have.
#pragma GCC poison double goto new delete dynamic_cast typeid try catch throw virtual thread_local asm
