/* Attention, head by head: p_ij = softmax_j(q_i k_j / sqrt(HEAD)), y_i = sum_j p_ij v_j.
 *
 * Keys and values are all tokens of a row, starts[row] to starts[row + 1]. Queries are those that are asked: rows
 * asked[row] to asked[row + 1] of q, which in all layers but the last are the same tokens.
 */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

static const float SCALE = 1 / HEAD_ROOT;

static inline float dot(const float *a, const float *b) {
  vec s = splat(0);
  for (int i = 0; i < HEAD; i += 4) s = mad(load(a + i), load(b + i), s);
  return sum(s);
}

/* y += x times */
static inline void add_times(float *y, const float *x, float times) {
  for (int i = 0; i < HEAD; i += 4) store(y + i, mad(load(x + i), splat(times), load(y + i)));
}

static inline void clear(float *y) {
  for (int i = 0; i < HEAD; i += 4) store(y + i, splat(0));
}

/* p = e^(p - max p) / sum; what fills the last vector has e^... = 0 */
static void softmax(float *p, int count) {
  float most = p[0], total = 0;
  for (int j = 1; j < count; j++) most = p[j] > most ? p[j] : most;
  for (int j = 0; j < count; j += 4) store(p + j, exponential(sub(load(p + j), splat(most))));
  for (int j = 0; j < count; j++) total += p[j];
  for (int j = 0; j < count; j++) p[j] /= total;
}

void attention(float *y, Attention *a, const int *asked, int rows) {
  for (int row = 0; row < rows; row++)
    for (int i = asked[row]; i < asked[row + 1]; i++)
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
void attention_back(Attention *d, const float *d_y, const Attention *a, const int *asked, int rows) {
  for (int i = 0; i < starts[rows] * WIDTH; i += HEAD) clear(d->k + i), clear(d->v + i);
  for (int row = 0; row < rows; row++)
    for (int i = asked[row]; i < asked[row + 1]; i++)
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
