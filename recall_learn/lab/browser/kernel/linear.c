/* y = x W^T + b and its backward: nine tenths of all the work.
 *
 * Three products of matrices, C = A B:
 *   y    = x   W^T    forward
 *   d_x  = d_y W      backward, to the input
 *   d_W  = d_y^T x    backward, to the weights; d_b is the sum of the rows of d_y
 */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

enum { PANEL = 8, TALL = 4, ROUND = (VOCABULARY + PANEL - 1) / PANEL * PANEL };
enum { WRITE, ADD, ADD_SQUARE };

/* A in blocks of 4 rows, B in panels of 8 columns, each with what one k needs side by side. The largest: a batch's
 * tokens by the widest layer, and for B the words by the width of the model. */
static float blocks[MOST_TOKENS * WIDEST], panels[(MOST_TOKENS > ROUND ? MOST_TOKENS : ROUND) * WIDEST];

/* 4 rows by 8 columns of C, in registers from the first to the last k; of the rows `tall` are there. */
static inline void tile(float *c, int width, int tall, const float *a, const float *b, int depth, const vec *start,
                        int mode) {
  vec left[TALL], right[TALL];
  for (int i = 0; i < TALL; i++) left[i] = start[0], right[i] = start[1];
  for (const float *end = a + TALL * depth; a != end; a += TALL, b += PANEL) {
    vec y = load(b), z = load(b + 4);
    for (int i = 0; i < TALL; i++) left[i] = mad(load_splat(a + i), y, left[i]);
    for (int i = 0; i < TALL; i++) right[i] = mad(load_splat(a + i), z, right[i]);
  }
  for (int i = 0; i < TALL && i < tall; i++, c += width) {
    if (mode == ADD_SQUARE) left[i] = mul(left[i], left[i]), right[i] = mul(right[i], right[i]);
    if (mode != WRITE) left[i] = add(left[i], load(c)), right[i] = add(right[i], load(c + 4));
    store(c, left[i]);
    store(c + 4, right[i]);
  }
}

/* C = A B, plus a bias for each column where there is one; A and B as they were packed */
static void multiply(float *c, int rows, int width, int depth, const float *bias, int mode) {
  for (int n = 0; n < width; n += PANEL) {
    vec start[] = {bias ? load(bias + n) : splat(0), bias ? load(bias + n + 4) : splat(0)};
    for (int m = 0; m < rows; m += TALL)
      tile(c + m * width + n, width, rows - m, blocks + m * depth, panels + n * depth, depth, start, mode);
  }
}

/* 4 by 4 numbers, rows made columns: to[j][i] = x[i][j], `wide` and `width` apart */
static inline void turn(float *to, int wide, const float *x, int width) {
  vec a = load(x), b = load(x + width), c = load(x + 2 * width), d = load(x + 3 * width);
  vec ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), cd = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
  store(to, wasm_i64x2_shuffle(ab, cd, 0, 2));
  store(to + wide, wasm_i64x2_shuffle(ab, cd, 1, 3));
  ab = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7), cd = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
  store(to + 2 * wide, wasm_i64x2_shuffle(ab, cd, 0, 2));
  store(to + 3 * wide, wasm_i64x2_shuffle(ab, cd, 1, 3));
}

/* Rows side by side, `wide` of them: to[n / wide][k][n % wide] = x[n][k], and 0 where of the last four there is no n */
static void pack_rows(float *to, int wide, const float *x, int rows, int width) {
  for (int n = 0; n < rows; n += 4) {
    float *block = to + n / wide * wide * width + n % wide;
    if (n + 4 <= rows)
      for (int k = 0; k < width; k += 4) turn(block + k * wide, wide, x + n * width + k, width);
    else
      for (int j = 0; j < 4; j++)
        for (int k = 0; k < width; k++) block[k * wide + j] = n + j < rows ? x[(n + j) * width + k] : 0;
  }
}

/* Columns side by side: to[n / wide][k][n % wide] = x[k][n] */
static inline void pack_columns(float *to, int wide, const float *x, int rows, int width) {
  for (int k = 0; k < rows; k++, x += width, to += wide)
    for (int n = 0; n < width; n += wide)
      for (int j = 0; j < wide; j += 4) store(to + n * rows + j, load(x + n + j));
}

/* y = x W^T + b; b lies behind W */
void linear(float *y, const float *x, const float *w, int rows, int in, int out) {
  pack_rows(blocks, TALL, x, rows, in);
  pack_rows(panels, PANEL, w, out, in);
  multiply(y, rows, out, in, w + out * in, WRITE);
}

/* The same with a bias elsewhere and any number of columns; y has ROUND of them. */
void scores(float *y, const float *x, const float *w, const float *bias, int rows, int in, int out) {
  pack_rows(blocks, TALL, x, rows, in);
  pack_rows(panels, PANEL, w, out, in);
  multiply(y, rows, ROUND, in, 0, WRITE);
  for (int r = 0; r < rows; r++)
    for (int n = 0; n < out; n++) y[r * ROUND + n] += bias[n];
}

/* d_x = d_y W, written or added */
void linear_back(float *d_x, int added, const float *d_y, const float *w, int rows, int in, int out) {
  pack_rows(blocks, TALL, d_y, rows, out);
  pack_columns(panels, PANEL, w, out, in);
  multiply(d_x, rows, in, out, 0, added ? ADD : WRITE);
}

/* d_W = d_y^T x and d_b = the sum of d_y, of each span */
void linear_sums(Sums sums, int at, const float *d_y, const float *x, int in, int out) {
  float *w = sums.into + at, *b = w + out * in;
  for (int i = 0; i < sums.count; i++) {
    int from = sums.spans[i], rows = sums.spans[i + 1] - from;
    pack_columns(blocks, TALL, d_y + from * out, rows, out);
    pack_columns(panels, PANEL, x + from * in, rows, in);
    multiply(w, out, in, rows, 0, sums.squared ? ADD_SQUARE : WRITE);
    for (int n = 0; n < out; n += 4) {
      vec s = splat(0);
      for (int r = from; r < from + rows; r++) s = add(s, load(d_y + r * out + n));
      store(b + n, sums.squared ? mad(s, s, load(b + n)) : s);
    }
  }
}
