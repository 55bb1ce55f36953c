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

/* A in blocks of 4 rows, B in panels of 8 columns, each with what one k needs side by side. The largest: a batch's tokens
 * by the widest layer, and for B the words by the width of the model. */
static float blocks[MOST_TOKENS * WIDEST], panels[(MOST_TOKENS > ROUND ? MOST_TOKENS : ROUND) * WIDEST];

/* 4 rows by 8 columns of C, in registers from the first to the last k; of the rows `tall` are there. */
static inline void tile(float *c, int width, int tall, const float *a, const float *b, int depth, vec bias[2], int mode) {
  vec left[TALL], right[TALL];
  for (int i = 0; i < TALL; i++) left[i] = bias[0], right[i] = bias[1];
  for (int k = 0; k < depth; k++, a += TALL, b += PANEL) {
    vec b_left = load(b), b_right = load(b + 4);
    for (int i = 0; i < TALL; i++) {
      vec x = load_splat(a + i);
      left[i] = mad(x, b_left, left[i]);
      right[i] = mad(x, b_right, right[i]);
    }
  }
  for (int i = 0; i < TALL; i++, c += width) {
    if (i >= tall) return;
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

/* Rows of x[rows][width] side by side, `wide` of them: to[n / wide][k][n % wide] = x[n][k], 0 where there is no row n */
static inline void pack_rows(float *to, int wide, const float *x, int rows, int width) {
  for (int n = 0; n < rows; n += wide, to += wide * width)
    for (int j = 0; j < wide; j++)
      for (int k = 0; k < width; k++) to[k * wide + j] = n + j < rows ? x[(n + j) * width + k] : 0;
}

/* Columns side by side: to[n / wide][k][n % wide] = x[k][n] */
static inline void pack_columns(float *to, int wide, const float *x, int rows, int width) {
  for (int n = 0; n < width; n += wide)
    for (int k = 0; k < rows; k++)
      for (int j = 0; j < wide; j += 4, to += 4) store(to, load(x + k * width + n + j));
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
