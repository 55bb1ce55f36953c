/* Four floats at once, and exp and erf of them. Everything else in the kernel is written in these words. */
#ifndef RECALL_LEARN_VECTORS
#define RECALL_LEARN_VECTORS

#include <wasm_simd128.h>

typedef v128_t vec;

static inline vec load(const float *p) { return wasm_v128_load(p); }
static inline vec load_splat(const float *p) { return wasm_v128_load32_splat(p); }
static inline void store(float *p, vec x) { wasm_v128_store(p, x); }
static inline vec splat(float x) { return wasm_f32x4_splat(x); }
static inline vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
static inline vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }
static inline vec mul(vec a, vec b) { return wasm_f32x4_mul(a, b); }
static inline vec over(vec a, vec b) { return wasm_f32x4_div(a, b); }
static inline vec root(vec a) { return wasm_f32x4_sqrt(a); }

/* a b + c, rounded twice: a fused one is not in WebAssembly's fixed 128-bit SIMD */
static inline vec mad(vec a, vec b, vec c) { return add(mul(a, b), c); }

static inline float sum(vec x) {
  return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 2)) +
         (wasm_f32x4_extract_lane(x, 1) + wasm_f32x4_extract_lane(x, 3));
}

/* c_0 + c_1 x + ... + c_degree x^degree, degree odd: even and odd powers apart, so that two sums go side by side */
static inline vec polynomial(vec x, const float *c, int degree) {
  vec square = mul(x, x), even = splat(c[degree - 1]), odd = splat(c[degree]);
  for (int i = degree - 3; i >= 0; i -= 2) {
    even = mad(even, square, splat(c[i]));
    odd = mad(odd, square, splat(c[i + 1]));
  }
  return mad(odd, x, even);
}

/* e^x = 2^n e^r with n = round(x / log 2) and r = x - n log 2, log 2 in two parts so that r is exact.
 *
 * e^r = 1 + r + r^2 p(r): p are the coefficients of Cephes' expf (Moshier, netlib.org/cephes). Relative error at most
 * 1.2e-7 (1 ulp) for x in [-87, 88]; what is below gives 1e-38, what is above 1.6e38. */
static inline vec exponential(vec x) {
  static const float p[] = {5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f,
                            8.3334519073e-3f, 1.3981999507e-3f, 1.9875691500e-4f};
  x = wasm_f32x4_max(wasm_f32x4_min(x, splat(88.0f)), splat(-87.0f));
  vec n = wasm_f32x4_nearest(mul(x, splat(1.44269504f)));
  vec r = sub(sub(x, mul(n, splat(0.693359375f))), mul(n, splat(-2.12194440e-4f)));
  vec y = add(mad(polynomial(r, p, 5), mul(r, r), r), splat(1.0f));
  vec power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
  return mul(y, power);
}

/* erf x = sign(x) (1 - e^(-|x| p(|x|))), |x| up to 4, where erf is 1 in single precision.
 *
 * p approximates -log(erfc x) / x: a minimax fit of ours, tools/wasm.py fit. Absolute error at most 1.4e-7, of which
 * rounding is 1.2e-7: what GELU needs, which adds 1. */
static inline vec error_function(vec x) {
  static const float p[] = {1.128380298614502f,      0.636597752571106f,      0.10291961580514908f,
                            -0.019583959132432938f,  0.0005369319696910679f,  0.0010324025060981512f,
                            -0.0003088024095632136f, 3.1440187740372494e-05f};
  vec sign = wasm_v128_and(x, wasm_i32x4_splat((int)0x80000000u));
  vec size = wasm_f32x4_min(wasm_f32x4_abs(x), splat(4.0f));
  vec y = sub(splat(1.0f), exponential(mul(wasm_f32x4_neg(size), polynomial(size, p, 7))));
  return wasm_v128_or(y, sign);
}

#endif
