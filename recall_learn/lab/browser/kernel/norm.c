/* Layer norm, GELU, and the sum of two arrays. */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

static inline float mean(const float *x) {
  vec s = splat(0);
  for (int i = 0; i < WIDTH; i += 4) s = add(s, load(x + i));
  return sum(s) / WIDTH;
}

/* y = n w + b with n = (x - mean x) / sqrt(var x + epsilon), row by row; b lies behind w. n and the scale are kept. */
void norm(float *y, float *normal, float *scale, const float *x, const float *w, int rows) {
  for (int r = 0; r < rows; r++, x += WIDTH, y += WIDTH, normal += WIDTH) {
    vec middle = splat(mean(x)), s = splat(0);
    for (int i = 0; i < WIDTH; i += 4) {
      vec c = sub(load(x + i), middle);
      s = mad(c, c, s);
    }
    scale[r] = 1 / __builtin_sqrtf(sum(s) / WIDTH + NORM_EPSILON);
    for (int i = 0; i < WIDTH; i += 4) {
      vec n = mul(sub(load(x + i), middle), splat(scale[r]));
      store(normal + i, n);
      store(y + i, mad(n, load(w + i), load(w + WIDTH + i)));
    }
  }
}

/* With g = w d_y: d_x = (g - mean g - n mean(g n)) scale */
void norm_back(float *d_x, const float *d_y, const float *normal, const float *scale, const float *w, int rows) {
  for (int r = 0; r < rows; r++, d_x += WIDTH, d_y += WIDTH, normal += WIDTH) {
    vec s = splat(0), s_normal = splat(0);
    for (int i = 0; i < WIDTH; i += 4) {
      vec g = mul(load(d_y + i), load(w + i));
      s = add(s, g);
      s_normal = mad(g, load(normal + i), s_normal);
    }
    vec m = splat(sum(s) / WIDTH), m_normal = splat(sum(s_normal) / WIDTH);
    for (int i = 0; i < WIDTH; i += 4) {
      vec g = mul(load(d_y + i), load(w + i));
      store(d_x + i, mul(sub(g, mad(load(normal + i), m_normal, m)), splat(scale[r])));
    }
  }
}

/* d_w = the sum of d_y n, d_b = the sum of d_y, of each span */
void norm_sums(Sums sums, int at, const float *d_y, const float *normal) {
  for (int i = 0; i < sums.count; i++)
    for (int n = 0; n < WIDTH; n += 4) {
      float *w = sums.into + at + n, *b = w + WIDTH;
      vec s = splat(0), s_normal = splat(0);
      for (int r = sums.spans[i]; r < sums.spans[i + 1]; r++) {
        vec d = load(d_y + r * WIDTH + n);
        s = add(s, d);
        s_normal = mad(d, load(normal + r * WIDTH + n), s_normal);
      }
      store(w, sums.squared ? mad(s_normal, s_normal, load(w)) : s_normal);
      store(b, sums.squared ? mad(s, s, load(b)) : s);
    }
}

/* y = x Phi(x) */
void gelu(float *y, const float *x, int count) {
  for (int i = 0; i < count; i += 4) store(y + i, mul(load(x + i), share_below(load(x + i))));
}

/* d_x *= Phi(x) + x phi(x), phi(x) = e^(-x^2 / 2) / sqrt(2 pi); d_x comes as d_y */
void gelu_back(float *d_x, const float *x, int count) {
  for (int i = 0; i < count; i += 4) {
    vec at = load(x + i), density = mul(splat(0.39894228f), exponential(mul(mul(at, at), splat(-0.5f))));
    store(d_x + i, mul(load(d_x + i), mad(at, density, share_below(at))));
  }
}

void add_to(float *x, const float *y, int count) {
  for (int i = 0; i < count; i += 4) store(x + i, add(load(x + i), load(y + i)));
}
