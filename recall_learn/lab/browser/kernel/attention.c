/* Attention, head by head: p_ij = softmax_j(q_i k_j / sqrt(HEAD)), y_i = sum_j p_ij v_j.
 *
 * A row's tokens, starts[row] to starts[row + 1], see each other. In all layers but the last each of them asks; in the
 * last one of them does.
 */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

static const float SCALE = 1 / HEAD_ROOT;

static inline float dot_of(const float *a, const float *b, int count) {
  vec s = splat(0), t = splat(0);
  for (int i = 0; i < count; i += 8) {
    s = mad(load(a + i), load(b + i), s);
    t = mad(load(a + i + 4), load(b + i + 4), t);
  }
  return sum(add(s, t));
}

/* y += x times */
static inline void add_times_of(float *y, const float *x, float times, int count) {
  for (int i = 0; i < count; i += 4) store(y + i, mad(load(x + i), splat(times), load(y + i)));
}

static inline void clear_of(float *y, int count) {
  for (int i = 0; i < count; i += 4) store(y + i, splat(0));
}

/* The same for the numbers of one head. */
static inline float dot(const float *a, const float *b) { return dot_of(a, b, HEAD); }
static inline void add_times(float *y, const float *x, float times) { add_times_of(y, x, times, HEAD); }
static inline void clear(float *y) { clear_of(y, HEAD); }

/* p = e^(p - max p) / sum; the last vector is filled with what has next to no share */
static void softmax(float *p, int count) {
  float most = p[0];
  vec total = splat(0);
  for (int j = 1; j < count; j++) most = p[j] > most ? p[j] : most;
  for (int j = count; j % 4; j++) p[j] = most - 100;
  for (int j = 0; j < count; j += 4) {
    vec e = exponential(sub(load(p + j), splat(most)));
    total = add(total, e);
    store(p + j, e);
  }
  total = splat(sum(total));
  for (int j = 0; j < count; j += 4) store(p + j, over(load(p + j), total));
}

void attention(float *y, Attention *a, int rows) {
  for (int row = 0; row < rows; row++)
    for (int i = starts[row]; i < starts[row + 1]; i++)
      for (int h = 0; h < WIDTH; h += HEAD) {
        int from = starts[row], count = starts[row + 1] - from;
        float *p = a->p + (i * HEADS + h / HEAD) * MOST_LENGTH, *out = y + i * WIDTH + h;
        for (int j = 0; j < count; j++) p[j] = dot(a->q + i * WIDTH + h, a->k + (from + j) * WIDTH + h) * SCALE;
        softmax(p, count);
        clear(out);
        for (int j = 0; j < count; j++) add_times(out, a->v + (from + j) * WIDTH + h, p[j]);
      }
}

/* d_p_ij = d_y_i v_j and, through the softmax, d_s_ij = p_ij (d_p_ij - sum_j p_ij d_p_ij); then
 * d_q_i = sum_j d_s_ij k_j, d_k_j = sum_i d_s_ij q_i, both / sqrt(HEAD), and d_v_j = sum_i p_ij d_y_i */
void attention_back(Attention *d, const float *d_y, const Attention *a, int rows) {
  for (int i = 0; i < starts[rows] * WIDTH; i += HEAD) clear(d->k + i), clear(d->v + i);
  for (int row = 0; row < rows; row++)
    for (int i = starts[row]; i < starts[row + 1]; i++)
      for (int h = 0; h < WIDTH; h += HEAD) {
        int at = i * WIDTH + h, from = starts[row], count = starts[row + 1] - from;
        const float *p = a->p + (i * HEADS + h / HEAD) * MOST_LENGTH;
        float d_p[MOST_LENGTH], middle = 0;
        for (int j = 0; j < count; j++) {
          int key = (from + j) * WIDTH + h;
          d_p[j] = dot(d_y + at, a->v + key);
          middle += p[j] * d_p[j];
          add_times(d->v + key, d_y + at, p[j]);
        }
        clear(d->q + at);
        for (int j = 0; j < count; j++) {
          int key = (from + j) * WIDTH + h;
          float d_s = p[j] * (d_p[j] - middle) * SCALE;
          add_times(d->q + at, a->k + key, d_s);
          add_times(d->k + key, a->q + at, d_s);
        }
      }
}

/* One token a row asks: y_row = attention of query q_row to all tokens x of its row, with W_k, W_v and b_v of a layer's
 * weights w. No key and no value is made, for of one head
 *   q k_j = q (W_k x_j + b_k) = (W_k^T q) x_j + q b_k, and the softmax does not see q b_k, the same for all j;
 *   sum_j p_j v_j = W_v (sum_j p_j x_j) + b_v.
 * u = W_k^T q and m = sum_j p_j x_j are kept. */
void ask(float *y, Question *a, const float *q, const float *x, const float *w, int rows) {
  for (int row = 0; row < rows; row++)
    for (int h = 0; h < HEADS; h++) {
      int at = row * WIDTH + h * HEAD, from = starts[row], count = starts[row + 1] - from, n = row * HEADS + h;
      const float *w_k = w + KEY + h * HEAD * WIDTH, *w_v = w + VALUE + h * HEAD * WIDTH;
      const float *b_v = w + VALUE + WIDTH * WIDTH + h * HEAD;
      float *p = a->p + n * MOST_LENGTH, *u = a->u + n * WIDTH, *m = a->m + n * WIDTH;
      clear_of(u, WIDTH);
      for (int i = 0; i < HEAD; i++) add_times_of(u, w_k + i * WIDTH, q[at + i], WIDTH);
      for (int j = 0; j < count; j++) p[j] = dot_of(u, x + (from + j) * WIDTH, WIDTH) * SCALE;
      softmax(p, count);
      clear_of(m, WIDTH);
      for (int j = 0; j < count; j++) add_times_of(m, x + (from + j) * WIDTH, p[j], WIDTH);
      for (int i = 0; i < HEAD; i++) y[at + i] = dot_of(w_v + i * WIDTH, m, WIDTH) + b_v[i];
    }
}

/* d_w += d x, or its squares */
static inline void add_outer(float *d_w, const float *x, float d, int squared) {
  for (int i = 0; i < WIDTH; i += 4) {
    vec g = mul(load(x + i), splat(d));
    store(d_w + i, squared ? mad(g, g, load(d_w + i)) : add(g, load(d_w + i)));
  }
}

/* d_m = W_v^T d_y, d_W_v = d_y m, d_b_v = d_y; through the softmax as above with d_p_j = d_m x_j; d_u = sum_j d_s_j
 * x_j, d_q = W_k d_u, d_W_k = q d_u, d_b_k = 0; d_x_j = p_j d_m + d_s_j u. Each row has one product of each kind: as
 * squares they are those of an example. */
void ask_back(float *d_q, float *d_x, Sums sums, int layer, const float *d_y, const Question *a, const float *q,
              const float *x, int rows) {
  const float *w = theta + layer;
  float *d_w = sums.into + layer, d_p[MOST_LENGTH], d_m[WIDTH], d_u[WIDTH];
  clear_of(d_x, starts[rows] * WIDTH);
  if (!sums.squared) clear_of(d_w + KEY, WIDTH * WIDTH + WIDTH), clear_of(d_w + VALUE, WIDTH * WIDTH + WIDTH);
  for (int row = 0; row < rows; row++)
    for (int h = 0; h < HEADS; h++) {
      int at = row * WIDTH + h * HEAD, from = starts[row], count = starts[row + 1] - from, n = row * HEADS + h;
      int k = KEY + h * HEAD * WIDTH, v = VALUE + h * HEAD * WIDTH, b_v = VALUE + WIDTH * WIDTH + h * HEAD;
      const float *p = a->p + n * MOST_LENGTH, *u = a->u + n * WIDTH, *m = a->m + n * WIDTH;
      float middle = 0;
      clear_of(d_m, WIDTH), clear_of(d_u, WIDTH);
      for (int i = 0; i < HEAD; i++) {
        float d = d_y[at + i];
        add_times_of(d_m, w + v + i * WIDTH, d, WIDTH);
        add_outer(d_w + v + i * WIDTH, m, d, sums.squared);
        d_w[b_v + i] += sums.squared ? d * d : d;
      }
      for (int j = 0; j < count; j++) middle += p[j] * (d_p[j] = dot_of(d_m, x + (from + j) * WIDTH, WIDTH));
      for (int j = 0; j < count; j++) {
        float d_s = p[j] * (d_p[j] - middle) * SCALE;
        add_times_of(d_u, x + (from + j) * WIDTH, d_s, WIDTH);
        add_times_of(d_x + (from + j) * WIDTH, d_m, p[j], WIDTH);
        add_times_of(d_x + (from + j) * WIDTH, u, d_s, WIDTH);
      }
      for (int i = 0; i < HEAD; i++) {
        d_q[at + i] = dot_of(w + k + i * WIDTH, d_u, WIDTH);
        add_outer(d_w + k + i * WIDTH, d_u, q[at + i], sums.squared);
      }
    }
}
