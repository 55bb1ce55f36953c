/* BertForSequenceClassification and BertForMaskedLM: the model, forward and backward.
 *
 * In the last layer only the tokens that are asked matter, one a row: [CLS] to the classifier, [MASK] to the head that
 * says words. All others are there to be seen, which spares a third of the work and changes no result.
 */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

/* What a layer keeps for its backward, in the order in which it is made. */
typedef struct {
  float x[MOST_TOKENS * WIDTH];            /* all tokens */
  float x_asked[MOST_TOKENS * WIDTH];      /* those that are asked; from here on there are no others */
  Attention attention;
  float context[MOST_TOKENS * WIDTH];
  float normal_1[MOST_TOKENS * WIDTH], scale_1[MOST_TOKENS], middle[MOST_TOKENS * WIDTH];
  float inner[MOST_TOKENS * INNER], active[MOST_TOKENS * INNER];
  float normal_2[MOST_TOKENS * WIDTH], scale_2[MOST_TOKENS];
} Layer;

static Layer layers[LAYERS];
static float embedding_normal[MOST_TOKENS * WIDTH], embedding_scale[MOST_TOKENS];
static float hidden[MOST_ROWS * WIDTH]; /* the last layer's answer, a vector a row */
static float pooled[MOST_ROWS * WIDTH];
static float d_logits[2 * MOST_ROWS];

/* Work that is done with when the next operation is. */
static float sum_of_two[MOST_TOKENS * WIDTH], d_hidden[MOST_TOKENS * WIDTH], d_asked[MOST_TOKENS * WIDTH];
static float d_inner[MOST_TOKENS * INNER], d_context[MOST_TOKENS * WIDTH];
static Attention d_attention;
static Question question; /* of the last layer */

/* Which tokens a layer asks, and where each row's begin among them. */
typedef struct {
  const int *tokens, *starts;
  int count;
} Asked;

static int every_token[MOST_TOKENS], every_row[MOST_ROWS + 1];

static Asked asked_by(int layer, int rows) {
  if (layer == LAYERS - 1) {
    for (int i = 0; i <= rows; i++) every_row[i] = i;
    return (Asked){places, every_row, rows};
  }
  for (int i = 0; i < starts[rows]; i++) every_token[i] = i;
  return (Asked){every_token, starts, starts[rows]};
}

static void gather(float *y, const float *x, Asked asked) {
  for (int i = 0; i < asked.count; i++)
    for (int j = 0; j < WIDTH; j += 4) store(y + i * WIDTH + j, load(x + asked.tokens[i] * WIDTH + j));
}

static void scatter_add(float *x, const float *y, Asked asked) {
  for (int i = 0; i < asked.count; i++) add_to(x + asked.tokens[i] * WIDTH, y + i * WIDTH, WIDTH);
}

/* x = norm(word + kind + place) */
static void embed(float *x, int rows) {
  for (int row = 0; row < rows; row++)
    for (int t = starts[row]; t < starts[row + 1]; t++) {
      const float *word = theta + WORDS + tokens[t] * WIDTH, *kind = theta + KINDS + types[t] * WIDTH;
      const float *place = theta + PLACES + (t - starts[row]) * WIDTH;
      for (int i = 0; i < WIDTH; i += 4)
        store(sum_of_two + t * WIDTH + i, add(add(load(word + i), load(kind + i)), load(place + i)));
    }
  norm(x, embedding_normal, embedding_scale, sum_of_two, theta + EMBEDDING_NORM, starts[rows]);
}

static void embed_back(const float *d_x, int rows) {
  int span[] = {0, starts[rows]};
  norm_sums((Sums){gradient, span, 1, 0}, EMBEDDING_NORM, d_x, embedding_normal);
  norm_back(sum_of_two, d_x, embedding_normal, embedding_scale, theta + EMBEDDING_NORM, starts[rows]);
  for (int i = 0; i < EMBEDDING_NORM; i++) gradient[i] = 0;
  for (int row = 0; row < rows; row++)
    for (int t = starts[row]; t < starts[row + 1]; t++) {
      const float *d = sum_of_two + t * WIDTH;
      add_to(gradient + WORDS + tokens[t] * WIDTH, d, WIDTH);
      add_to(gradient + KINDS + types[t] * WIDTH, d, WIDTH);
      add_to(gradient + PLACES + (t - starts[row]) * WIDTH, d, WIDTH);
    }
}

/* In the first layer tokens of the same word, kind and place are alike, and their queries, keys and values are made
 * once for all of them: of the rows of a cloze, which hide one word of a sentence after the other, few are left. */
static struct {
  int seen[VOCABULARY][KIND_COUNT][POSITIONS]; /* 1 + its number among the distinct ones, while they are counted */
  int number[MOST_TOKENS], first[MOST_TOKENS], count;
  float x[MOST_TOKENS * WIDTH], y[MOST_TOKENS * WIDTH];
} distinct;

static void find_distinct(const float *x, int rows) {
  distinct.count = 0;
  for (int row = 0; row < rows; row++)
    for (int t = starts[row]; t < starts[row + 1]; t++) {
      int *seen = &distinct.seen[tokens[t]][types[t]][t - starts[row]];
      if (!*seen) distinct.first[distinct.count] = t, *seen = ++distinct.count;
      distinct.number[t] = *seen - 1;
    }
  for (int row = 0; row < rows; row++)
    for (int t = starts[row]; t < starts[row + 1]; t++) distinct.seen[tokens[t]][types[t]][t - starts[row]] = 0;
  gather(distinct.x, x, (Asked){distinct.first, 0, distinct.count});
}

/* linear() of all tokens in the first layer */
static void linear_distinct(float *y, const float *w, int count) {
  linear(distinct.y, distinct.x, w, distinct.count, WIDTH, WIDTH);
  gather(y, distinct.y, (Asked){distinct.number, 0, count});
}

/* context = what each token that is asked sees of its row; in the last layer that is one token a row. */
static void look(Layer *l, int n, const float *w, Asked asked, int rows) {
  Attention *a = &l->attention;
  if (n == LAYERS - 1) {
    linear(a->q, l->x_asked, w + QUERY, asked.count, WIDTH, WIDTH);
    ask(l->context, &question, a->q, l->x, w, rows);
    return;
  }
  if (n == 0) {
    find_distinct(l->x, rows);
    linear_distinct(a->q, w + QUERY, starts[rows]);
    linear_distinct(a->k, w + KEY, starts[rows]);
    linear_distinct(a->v, w + VALUE, starts[rows]);
  } else {
    linear(a->q, l->x, w + QUERY, starts[rows], WIDTH, WIDTH);
    linear(a->k, l->x, w + KEY, starts[rows], WIDTH, WIDTH);
    linear(a->v, l->x, w + VALUE, starts[rows], WIDTH, WIDTH);
  }
  attention(l->context, a, rows);
}

/* From d_context, the gradient by what look() gave, to d_hidden, that by x; that by the residual is in d_sum. */
static void look_back(Layer *l, int n, Sums sums, Asked asked, float *d_sum, int rows) {
  int at = FIRST_LAYER + n * LAYER, all = starts[rows];
  const float *w = theta + at;
  Attention *d = &d_attention;
  if (n == LAYERS - 1) {
    ask_back(d->q, d_hidden, sums, at, d_context, &question, l->attention.q, l->x, rows);
  } else {
    attention_back(d, d_context, &l->attention, rows);
    linear_sums(sums, at + KEY, d->k, l->x, WIDTH, WIDTH);
    linear_sums(sums, at + VALUE, d->v, l->x, WIDTH, WIDTH);
    linear_back(d_hidden, 0, d->k, w + KEY, all, WIDTH, WIDTH);
    linear_back(d_hidden, 1, d->v, w + VALUE, all, WIDTH, WIDTH);
  }
  linear_sums(sums, at + QUERY, d->q, l->x_asked, WIDTH, WIDTH);
  linear_back(d_sum, 1, d->q, w + QUERY, asked.count, WIDTH, WIDTH);
  scatter_add(d_hidden, d_sum, asked);
}

/* middle = norm(x + attention), y = norm(middle + feed forward) */
static void layer_forward(float *y, int n, int rows) {
  Layer *l = layers + n;
  const float *w = theta + FIRST_LAYER + n * LAYER;
  Asked asked = asked_by(n, rows);
  int count = asked.count;
  gather(l->x_asked, l->x, asked);
  look(l, n, w, asked, rows);
  linear(sum_of_two, l->context, w + ATTENTION_OUT, count, WIDTH, WIDTH);
  add_to(sum_of_two, l->x_asked, count * WIDTH);
  norm(l->middle, l->normal_1, l->scale_1, sum_of_two, w + ATTENTION_NORM, count);
  linear(l->inner, l->middle, w + INNER_IN, count, WIDTH, INNER);
  gelu(l->active, l->inner, count * INNER);
  linear(sum_of_two, l->active, w + INNER_OUT, count, INNER, WIDTH);
  add_to(sum_of_two, l->middle, count * WIDTH);
  norm(y, l->normal_2, l->scale_2, sum_of_two, w + OUTPUT_NORM, count);
}

/* From d_asked, the gradient by the layer's answer, to d_hidden, that by its input; those by weights go to `into`. */
static void layer_back(float *into, int squared, int n, int rows) {
  Layer *l = layers + n;
  const float *w = theta + FIRST_LAYER + n * LAYER;
  Asked asked = asked_by(n, rows);
  int count = asked.count, at = FIRST_LAYER + n * LAYER, span[] = {0, count};
  Sums sums = squared ? (Sums){into, asked.starts, rows, 1} : (Sums){into, span, 1, 0};
  float *d_sum = sum_of_two, *d_middle = d_asked;

  norm_sums(sums, at + OUTPUT_NORM, d_asked, l->normal_2);
  norm_back(d_sum, d_asked, l->normal_2, l->scale_2, w + OUTPUT_NORM, count);
  linear_sums(sums, at + INNER_OUT, d_sum, l->active, INNER, WIDTH);
  linear_back(d_inner, 0, d_sum, w + INNER_OUT, count, INNER, WIDTH);
  gelu_back(d_inner, l->inner, count * INNER);
  linear_sums(sums, at + INNER_IN, d_inner, l->middle, WIDTH, INNER);
  linear_back(d_middle, 0, d_inner, w + INNER_IN, count, WIDTH, INNER);
  add_to(d_middle, d_sum, count * WIDTH);

  norm_sums(sums, at + ATTENTION_NORM, d_middle, l->normal_1);
  norm_back(d_sum, d_middle, l->normal_1, l->scale_1, w + ATTENTION_NORM, count);
  linear_sums(sums, at + ATTENTION_OUT, d_sum, l->context, WIDTH, WIDTH);
  linear_back(d_context, 0, d_sum, w + ATTENTION_OUT, count, WIDTH, WIDTH);
  look_back(l, n, sums, asked, d_sum, rows);
}

static void encode(int rows) {
  embed(layers[0].x, rows);
  for (int n = 0; n < LAYERS; n++) layer_forward(n + 1 < LAYERS ? layers[n + 1].x : hidden, n, rows);
}

/* From d_asked, the gradient by `hidden`, down through all layers. */
static void encode_back(float *into, int squared, int rows) {
  for (int n = LAYERS - 1; n >= 0; n--) {
    layer_back(into, squared, n, rows);
    for (int i = 0; i < starts[rows] * WIDTH; i += 4) store(d_asked + i, load(d_hidden + i));
  }
}

/* pooled = tanh(W h + b), logits = W' pooled + b' */
void EXPORT(classify)(int rows) {
  encode(rows);
  linear(pooled, hidden, theta + POOLER, rows, WIDTH, WIDTH);
  for (int i = 0; i < rows * WIDTH; i++) pooled[i] = (float)tanh64(pooled[i]);
  const float *bias = theta + CLASSIFIER + outputs * WIDTH;
  for (int row = 0; row < rows; row++)
    for (int c = 0; c < outputs; c++) {
      const float *w = theta + CLASSIFIER + c * WIDTH;
      vec s = splat(0);
      for (int i = 0; i < WIDTH; i += 4) s = mad(load(pooled + row * WIDTH + i), load(w + i), s);
      logits[row * outputs + c] = sum(s) + bias[c];
    }
}

/* d_pooler = (1 - pooled^2) W'^T d_logits, into d_context */
static void pooler_back(int rows) {
  for (int row = 0; row < rows; row++)
    for (int i = 0; i < WIDTH; i++) {
      float d = 0, y = pooled[row * WIDTH + i];
      for (int c = 0; c < outputs; c++) d += d_logits[row * outputs + c] * theta[CLASSIFIER + c * WIDTH + i];
      d_context[row * WIDTH + i] = d * (1 - y * y);
    }
}

static void classifier_sums(int rows) {
  for (int c = 0; c < outputs; c++) {
    float *w = gradient + CLASSIFIER + c * WIDTH, bias = 0;
    for (int i = 0; i < WIDTH; i++) w[i] = 0;
    for (int row = 0; row < rows; row++) {
      float d = d_logits[row * outputs + c];
      bias += d;
      for (int i = 0; i < WIDTH; i++) w[i] += d * pooled[row * WIDTH + i];
    }
    gradient[CLASSIFIER + outputs * WIDTH + c] = bias;
  }
}

/* -log softmax(logits)[target], its gradient softmax(logits) - [c = target] in d */
static double cross_entropy(const float *z, int target, double *d) {
  double most = z[0] > z[1] ? z[0] : z[1], e[] = {exp64(z[0] - most), exp64(z[1] - most)}, total = e[0] + e[1];
  for (int c = 0; c < 2; c++) d[c] = e[c] / total - (c == target);
  return log64(total) + most - z[target];
}

/* (z - target)^2, its gradient 2 (z - target) in d */
static double squared_error(const float *z, float target, double *d) {
  double away = (double)z[0] - target;
  d[0] = 2 * away;
  return away * away;
}

/* The batch through the model: the sum of its losses, and in d_logits their gradient times `share`. */
static double losses_of(int rows, double share) {
  double loss = 0, d[2];
  classify(rows);
  for (int row = 0; row < rows; row++) {
    const float *z = logits + row * outputs;
    loss += outputs == 1 ? squared_error(z, targets[row], d) : cross_entropy(z, (int)targets[row], d);
    for (int c = 0; c < outputs; c++) d_logits[row * outputs + c] = (float)(d[c] * share);
  }
  return loss;
}

double EXPORT(train)(int rows) {
  int span[] = {0, rows};
  double loss = losses_of(rows, 1.0 / rows);
  classifier_sums(rows);
  pooler_back(rows);
  linear_sums((Sums){gradient, span, 1, 0}, POOLER, d_context, hidden, WIDTH, WIDTH);
  linear_back(d_asked, 0, d_context, theta + POOLER, rows, WIDTH, WIDTH);
  encode_back(gradient, 0, rows);
  embed_back(d_hidden, rows);
  return loss / rows;
}

/* (d log p(y | x))^2 for each row by itself, y its true label: the squares whose mean is the empirical Fisher. Of a
 * number p is a normal distribution of variance 1, so -log p is half of the squared error. */
void EXPORT(squares)(int rows) {
  losses_of(rows, outputs == 1 ? 0.5 : 1);
  pooler_back(rows);
  linear_back(d_asked, 0, d_context, theta + POOLER, rows, WIDTH, WIDTH);
  encode_back(fisher, 1, rows);
}

/* Logits of all words at the place that is asked: norm(gelu(W h + b)) times the word embeddings, and a bias. */
void EXPORT(cloze)(int rows) {
  enum { ROUND = (VOCABULARY + 7) / 8 * 8 };
  static float words[MOST_ROWS * ROUND];
  encode(rows);
  linear(sum_of_two, hidden, theta + MLM_DENSE, rows, WIDTH, WIDTH);
  gelu(pooled, sum_of_two, rows * WIDTH);
  norm(hidden, d_context, embedding_scale, pooled, theta + MLM_NORM, rows);
  scores(words, hidden, theta + WORDS, theta + MLM_BIAS, rows, WIDTH, VOCABULARY);
  for (int row = 0; row < rows; row++) {
    const float *z = words + row * ROUND;
    double total = 0;
    int best = 0;
    for (int w = 1; w < VOCABULARY; w++) best = z[w] > z[best] ? w : best;
    for (int w = 0; w < VOCABULARY; w += 4) {
      float e[4];
      store(e, exponential(sub(load(z + w), splat(z[best]))));
      for (int i = 0; i < 4 && w + i < VOCABULARY; i++) total += e[i];
    }
    losses[row] = (float)(log64(total) + z[best] - z[(int)targets[row]]);
    said[row] = best;
  }
}
