/* JPEG files row by row, through libjpeg-turbo's classic interface.
 *
 * TurboJPEG's own interface decodes whole pictures. The classic one decodes rows, but reports errors by longjmp() and its state is a struct whose layout belongs to
 * the header that it was compiled with: both are kept in this file. What always holds: every function returns 0, or -1 and a message that can be asked for; no jump
 * crosses the caller's frames; whatever libjpeg-turbo warns of is an error, since the picture is then in doubt.
 */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Bytes that are asked for at a time. */
#define BUFFER_BYTES 65536

/* A file of more scans is made to take time: encoders write some ten. */
#define MOST_SCANS 200

/* A file whose header is longer is made to take memory, since EXIF and profiles are kept until they are asked for: 16 MB is the longest profile. */
#define MOST_HEADER_BYTES (64 << 20)

/* Reads up to so many bytes: how many came, 0 at the file's end, -1 where reading failed. */
typedef ptrdiff_t (*read_bytes)(void *reader, unsigned char *bytes, size_t length);

/* Why the last call failed. */
enum problem { PROBLEM_DAMAGE = 1, PROBLEM_END = 2, PROBLEM_SYSTEM = 3, PROBLEM_KIND = 4 };

struct rows_facts {
  uint32_t width, height;
  uint32_t components;
  uint32_t bits;
  /* libjpeg's J_COLOR_SPACE as it is stored. */
  uint32_t color_space;
  uint32_t is_progressive;
  uint32_t is_arithmetic;
  uint32_t horizontal[4], vertical[4];
  /* Bytes of the coefficients that have to be kept until the last scan has come; 0 where there is one scan. */
  uint64_t held_bytes;
};

struct rows {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  struct jpeg_source_mgr source;
  jmp_buf failed;
  read_bytes read;
  void *reader;
  /* Bytes that the header may still have; of no meaning once it was read. */
  size_t header_left;
  boolean in_header;
  boolean bogus_profile;
  enum problem problem;
  char message[JMSG_LENGTH_MAX];
  unsigned char buffer[BUFFER_BYTES];
};

static void fail(struct rows *rows, enum problem problem) {
  rows->problem = problem;
  longjmp(rows->failed, 1);
}

/* Whether the last message says that the file is of a kind that the library does not decode. JPEG-LS has a frame header of its own, SOF55, which the library calls
 * an unknown marker; and lossless files are decoded, but not in other colors than they are stored in. */
static boolean is_of_another_kind(const struct rows *rows) {
  switch (rows->errors.msg_code) {
  case JERR_SOF_UNSUPPORTED:
  case JERR_ARITH_NOTIMPL:
  case JERR_BAD_PRECISION:
  case JERR_CCIR601_NOTIMPL:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_NOTIMPL:
  case JERR_NOT_COMPILED:
    return TRUE;
  case JERR_UNKNOWN_MARKER:
    return rows->in_header && rows->errors.msg_parm.i[0] == 0xF7;
  default:
    return FALSE;
  }
}

static void on_error(j_common_ptr jpeg) {
  struct rows *rows = jpeg->client_data;
  rows->errors.format_message(jpeg, rows->message);
  fail(rows, is_of_another_kind(rows) ? PROBLEM_KIND : PROBLEM_DAMAGE);
}

/* Whether a warning says nothing about the pixels. */
static boolean is_harmless(const struct rows *rows) {
  const struct jpeg_decompress_struct *jpeg = &rows->jpeg;
  switch (rows->errors.msg_code) {
  case JWRN_JFIF_MAJOR: /* A newer revision of JFIF than 1.x. */
  case JWRN_BOGUS_ICC:  /* The segments of a profile do not fit together. */
    return TRUE;
  case JWRN_EXTRANEOUS_DATA: /* Bytes between the last row and the end of the image. */
    return jpeg->output_height > 0 && jpeg->output_scanline == jpeg->output_height &&
           rows->errors.msg_parm.i[1] == JPEG_EOI;
  default:
    return FALSE;
  }
}

static void on_message(j_common_ptr jpeg, int level) {
  struct rows *rows = jpeg->client_data;
  if (level >= 0)
    return;
  if (!is_harmless(rows))
    on_error(jpeg);
  if (rows->errors.msg_code == JWRN_BOGUS_ICC)
    rows->bogus_profile = TRUE;
}

static void say_nothing(j_common_ptr jpeg) {
  (void)jpeg;
}

static void on_progress(j_common_ptr jpeg) {
  struct rows *rows = jpeg->client_data;
  if (rows->jpeg.input_scan_number > MOST_SCANS) {
    snprintf(rows->message, sizeof rows->message, "it has more than %d scans", MOST_SCANS);
    fail(rows, PROBLEM_DAMAGE);
  }
}

static void nothing_to_do(j_decompress_ptr jpeg) {
  (void)jpeg;
}

static boolean fill(j_decompress_ptr jpeg) {
  struct rows *rows = jpeg->client_data;
  if (rows->in_header && rows->header_left < sizeof rows->buffer) {
    snprintf(rows->message, sizeof rows->message, "its header has more than %d MB", MOST_HEADER_BYTES >> 20);
    fail(rows, PROBLEM_DAMAGE);
  }
  ptrdiff_t count = rows->read(rows->reader, rows->buffer, sizeof rows->buffer);
  if (count <= 0)
    fail(rows, count == 0 ? PROBLEM_END : PROBLEM_SYSTEM);
  if (rows->in_header)
    rows->header_left -= (size_t)count;
  rows->source.next_input_byte = rows->buffer;
  rows->source.bytes_in_buffer = (size_t)count;
  return TRUE;
}

static void skip(j_decompress_ptr jpeg, long count) {
  struct rows *rows = jpeg->client_data;
  while (count > 0 && (size_t)count > rows->source.bytes_in_buffer) {
    count -= (long)rows->source.bytes_in_buffer;
    fill(jpeg);
  }
  if (count > 0) {
    rows->source.next_input_byte += count;
    rows->source.bytes_in_buffer -= (size_t)count;
  }
}

static uint64_t blocks(uint32_t blocks, int factor) {
  return ((uint64_t)blocks + (uint64_t)factor - 1) / (uint64_t)factor * (uint64_t)factor;
}

static int create(struct rows *rows) {
  if (setjmp(rows->failed))
    return -1;
  jpeg_create_decompress(&rows->jpeg);
  return 0;
}

struct rows *slidezoom_jpeg_new(read_bytes read, void *reader) {
  struct rows *rows = calloc(1, sizeof *rows);
  if (rows == NULL)
    return NULL;
  rows->read = read;
  rows->reader = reader;
  rows->jpeg.err = jpeg_std_error(&rows->errors);
  rows->errors.error_exit = on_error;
  rows->errors.emit_message = on_message;
  rows->errors.output_message = say_nothing;
  rows->jpeg.client_data = rows;
  if (create(rows) != 0) {
    free(rows);
    return NULL;
  }
  /* All else that jpeg_create_decompress() finds is set to 0. */
  rows->progress.progress_monitor = on_progress;
  rows->jpeg.progress = &rows->progress;
  rows->source.init_source = nothing_to_do;
  rows->source.fill_input_buffer = fill;
  rows->source.skip_input_data = skip;
  rows->source.resync_to_restart = jpeg_resync_to_restart;
  rows->source.term_source = nothing_to_do;
  rows->jpeg.src = &rows->source;
  return rows;
}

int slidezoom_jpeg_header(struct rows *rows, struct rows_facts *facts) {
  if (setjmp(rows->failed))
    return -1;
  struct jpeg_decompress_struct *jpeg = &rows->jpeg;
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF);
  jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0xFFFF);
  rows->in_header = TRUE;
  rows->header_left = MOST_HEADER_BYTES;
  jpeg_read_header(jpeg, TRUE);
  rows->in_header = FALSE;
  /* Of what stands between scans nothing is kept. */
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0);
  jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0);
  memset(facts, 0, sizeof *facts);
  facts->width = jpeg->image_width;
  facts->height = jpeg->image_height;
  facts->components = (uint32_t)jpeg->num_components;
  facts->bits = (uint32_t)jpeg->data_precision;
  facts->color_space = (uint32_t)jpeg->jpeg_color_space;
  facts->is_progressive = jpeg->progressive_mode ? 1 : 0;
  facts->is_arithmetic = jpeg->arith_code ? 1 : 0;
  uint64_t held = 0;
  for (int at = 0; at < jpeg->num_components; at++) {
    const jpeg_component_info *component = &jpeg->comp_info[at];
    if (at < 4) {
      facts->horizontal[at] = (uint32_t)component->h_samp_factor;
      facts->vertical[at] = (uint32_t)component->v_samp_factor;
    }
    held += blocks(component->width_in_blocks, component->h_samp_factor) *
            blocks(component->height_in_blocks, component->v_samp_factor) * sizeof(JBLOCK);
  }
  facts->held_bytes = jpeg_has_multiple_scans(jpeg) ? held : 0;
  return 0;
}

/* The contents of the first APP1 segment that is EXIF, without its signature; NULL where there is none. They stay until the rows are freed. */
const unsigned char *slidezoom_jpeg_exif(struct rows *rows, size_t *length) {
  static const unsigned char signature[6] = {'E', 'x', 'i', 'f', 0, 0};
  for (jpeg_saved_marker_ptr marker = rows->jpeg.marker_list; marker != NULL; marker = marker->next) {
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length > sizeof signature &&
        memcmp(marker->data, signature, sizeof signature) == 0) {
      *length = marker->data_length - sizeof signature;
      return marker->data + sizeof signature;
    }
  }
  return NULL;
}

/* The ICC profile, put together from its segments; NULL where there is none, or where they do not fit together, which *is_bogus tells then. To be freed by
 * slidezoom_jpeg_free_profile(). */
int slidezoom_jpeg_profile(struct rows *rows, unsigned char **profile, size_t *length, uint32_t *is_bogus) {
  unsigned int bytes = 0;
  *profile = NULL;
  if (setjmp(rows->failed))
    return -1;
  if (jpeg_read_icc_profile(&rows->jpeg, profile, &bytes))
    *length = bytes;
  *is_bogus = rows->bogus_profile ? 1 : 0;
  return 0;
}

void slidezoom_jpeg_free_profile(unsigned char *profile) {
  free(profile);
}

/* Whether all scans have come. libjpeg-turbo takes what does not come for zero, and says nothing: the picture is blurred or without color then. */
static boolean is_complete(const struct jpeg_decompress_struct *jpeg) {
  for (int at = 0; at < jpeg->num_components; at++) {
    /* Of a component's first scan. */
    if (jpeg->comp_info[at].quant_table == NULL)
      return FALSE;
    for (int coefficient = 0; jpeg->coef_bits != NULL && coefficient < DCTSIZE2; coefficient++) {
      /* The lowest bit that has come, -1 where none has. */
      if (jpeg->coef_bits[at][coefficient] != 0)
        return FALSE;
    }
  }
  return TRUE;
}

/* Begins to decode, to samples of this J_COLOR_SPACE. Of several scans all are read here. */
int slidezoom_jpeg_start(struct rows *rows, uint32_t color_space) {
  if (setjmp(rows->failed))
    return -1;
  rows->jpeg.out_color_space = (J_COLOR_SPACE)color_space;
  jpeg_start_decompress(&rows->jpeg);
  if (!is_complete(&rows->jpeg)) {
    snprintf(rows->message, sizeof rows->message, "some of its scans are missing");
    fail(rows, PROBLEM_DAMAGE);
  }
  return 0;
}

static void read_rows(struct jpeg_decompress_struct *jpeg, unsigned char *target, size_t row_bytes, size_t count) {
  JSAMPROW pointers[16];
  while (count > 0) {
    JDIMENSION some = count < 16 ? (JDIMENSION)count : 16;
    for (JDIMENSION at = 0; at < some; at++)
      pointers[at] = target + at * row_bytes;
    JDIMENSION done = jpeg_read_scanlines(jpeg, pointers, some);
    target += done * row_bytes;
    count -= done;
  }
}

/* Decodes so many rows, one after the other, of the picture's own length. */
int slidezoom_jpeg_read(struct rows *rows, unsigned char *target, size_t row_bytes, size_t count) {
  if (setjmp(rows->failed))
    return -1;
  if (rows->jpeg.output_scanline + count > rows->jpeg.output_height) {
    snprintf(rows->message, sizeof rows->message, "more rows are asked for than there are");
    fail(rows, PROBLEM_DAMAGE);
  }
  read_rows(&rows->jpeg, target, row_bytes, count);
  return 0;
}

/* Reads up to the end of the image. */
int slidezoom_jpeg_finish(struct rows *rows) {
  if (setjmp(rows->failed))
    return -1;
  jpeg_finish_decompress(&rows->jpeg);
  return 0;
}

enum problem slidezoom_jpeg_problem(const struct rows *rows) {
  return rows->problem;
}

const char *slidezoom_jpeg_message(const struct rows *rows) {
  return rows->message;
}

void slidezoom_jpeg_free(struct rows *rows) {
  jpeg_destroy_decompress(&rows->jpeg);
  free(rows);
}
