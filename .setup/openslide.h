/*
 * The functions of OpenSlide 4.0, declared for the binding generator.
 *
 * The OpenSlide project's binary build carries the library but no header, so this is slidezoom's own,
 * written from the public documentation of the interface (https://openslide.org/api/). It is used only
 * together with that build; where the system has OpenSlide's development package, its header is used.
 *
 * Common to all: strings are UTF-8. Unless stated otherwise, strings and arrays that are returned belong
 * to OpenSlide and live as long as the slide. All functions may be called from several threads at once,
 * except openslide_close(). A slide on which a call failed stays failed: see openslide_get_error().
 */
#ifndef SLIDEZOOM_OPENSLIDE_H
#define SLIDEZOOM_OPENSLIDE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An open slide. */
typedef struct _openslide openslide_t;

/* A cache of decoded tiles, which several slides may share. */
typedef struct _openslide_cache openslide_cache_t;

/* --- Opening and closing --- */

/* The vendor's name if the file looks like a slide, else NULL. Static: never to be freed. */
const char *openslide_detect_vendor(const char *filename);

/* NULL if the file is no slide; a slide with its error set if it is one that cannot be opened. */
openslide_t *openslide_open(const char *filename);

/* No other call on this slide may be running, and none may follow. */
void openslide_close(openslide_t *slide);

/* What went wrong on this slide, or NULL if nothing did. */
const char *openslide_get_error(openslide_t *slide);

/* The version of the library that is running, as "4.0.1". Static. */
const char *openslide_get_version(void);

/* --- Levels: 0 is the full size. Counts and sizes are -1 on error. --- */

int32_t openslide_get_level_count(openslide_t *slide);

void openslide_get_level0_dimensions(openslide_t *slide, int64_t *width, int64_t *height);

void openslide_get_level_dimensions(openslide_t *slide, int32_t level, int64_t *width, int64_t *height);

/* By how much this level is smaller than level 0; -1.0 on error. */
double openslide_get_level_downsample(openslide_t *slide, int32_t level);

/* The level to read from for an image that is `downsample` times smaller than level 0; -1 on error. */
int32_t openslide_get_best_level_for_downsample(openslide_t *slide, double downsample);

/*
 * Pixels as premultiplied ARGB, one native-endian word each, into `destination`, which must have room for
 * width * height of them. `x` and `y` are in pixels of level 0, `width` and `height` in those of `level`.
 * On error, the destination is cleared.
 */
void openslide_read_region(openslide_t *slide, uint32_t *destination, int64_t x, int64_t y, int32_t level,
                           int64_t width, int64_t height);

/* --- Properties: what the slide says about itself --- */

/* Ends with NULL; empty on error. */
const char *const *openslide_get_property_names(openslide_t *slide);

/* NULL if there is no such property, or on error. */
const char *openslide_get_property_value(openslide_t *slide, const char *name);

/* --- Associated images: label, macro, thumbnail --- */

/* Ends with NULL; empty on error. */
const char *const *openslide_get_associated_image_names(openslide_t *slide);

/* -1 by -1 if there is no such image, or on error. */
void openslide_get_associated_image_dimensions(openslide_t *slide, const char *name, int64_t *width,
                                               int64_t *height);

/* As openslide_read_region(), the whole image. */
void openslide_read_associated_image(openslide_t *slide, const char *name, uint32_t *destination);

/* --- Color profiles: first the size in bytes (0: none; -1: error), then the bytes --- */

int64_t openslide_get_icc_profile_size(openslide_t *slide);

void openslide_read_icc_profile(openslide_t *slide, void *destination);

int64_t openslide_get_associated_image_icc_profile_size(openslide_t *slide, const char *name);

void openslide_read_associated_image_icc_profile(openslide_t *slide, const char *name, void *destination);

/* --- Cache --- */

/* A cache that holds up to `capacity` bytes. The caller owns it until openslide_cache_release(). */
openslide_cache_t *openslide_cache_create(size_t capacity);

/* Uses this cache for the slide, in place of its own. */
void openslide_set_cache(openslide_t *slide, openslide_cache_t *cache);

/* Slides that still use the cache keep it alive. */
void openslide_cache_release(openslide_cache_t *cache);

#ifdef __cplusplus
}
#endif

#endif
