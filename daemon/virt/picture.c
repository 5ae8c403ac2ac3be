/*
 * PPM and PNG into PNG (picture.h), by libpng's simplified interface, which
 * needs no long jump in our code.
 */
#include "daemon/virt/picture.h"

#include <ctype.h>
#include <png.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/virt/limits.h"

static int cut_short(struct error *err)
{
	return error_set(err, ERROR_FAILED,
			 "the hypervisor sent an incomplete picture");
}

/* Skips blanks and comments, then reads digits. False: there are none. */
static bool ppm_number(const uint8_t *data, size_t len, size_t *at,
		       unsigned *number)
{
	size_t start;

	while (*at < len && (isspace(data[*at]) || data[*at] == '#')) {
		if (data[*at] == '#')
			while (*at < len && data[*at] != '\n')
				(*at)++;
		else
			(*at)++;
	}
	start = *at;
	*number = 0;
	while (*at < len && isdigit(data[*at]) && *at - start < 6)
		*number = *number * 10 + (unsigned)(data[(*at)++] - '0');
	return *at > start;
}

static int check_sides(unsigned width, unsigned height, struct error *err)
{
	if (width == 0 || height == 0)
		return error_set(err, ERROR_STATE,
				 "the screen shows no picture yet: try again "
				 "later");
	if (width > VIRT_SCREENSHOT_SIDE_MAX ||
	    height > VIRT_SCREENSHOT_SIDE_MAX)
		return error_set(
			err, ERROR_TOO_LARGE,
			"the screen of %u x %u pixels is too large for "
			"a picture",
			width, height);
	return 0;
}

static int encode(const uint8_t *rgb, struct picture *picture,
		  struct error *err)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = picture->width,
		.height = picture->height,
		.format = PNG_FORMAT_RGB,
		.flags = PNG_IMAGE_FLAG_FAST,
	};
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *png = malloc(size), *shrunk;

	if (!png)
		return error_set_no_memory(err);
	if (!png_image_write_to_memory(&image, png, &size, 0, rgb, 0, NULL)) {
		free(png);
		error_set(err, ERROR_INTERNAL, "the picture cannot be encoded");
		return error_set_cause(err, "libpng: %s", image.message);
	}
	shrunk = realloc(png, size);
	picture->png = shrunk ? shrunk : png;
	picture->len = size;
	return 0;
}

static int from_ppm(const uint8_t *data, size_t len, struct picture *picture,
		    struct error *err)
{
	unsigned maximum;
	size_t at = 2;

	if (!ppm_number(data, len, &at, &picture->width) ||
	    !ppm_number(data, len, &at, &picture->height) ||
	    !ppm_number(data, len, &at, &maximum) || at == len)
		return cut_short(err);
	at++; /* exactly one blank before the pixels */
	if (maximum != 255)
		return error_set(err, ERROR_UNSUPPORTED,
				 "the hypervisor's picture has another depth "
				 "than 8 bits");
	if (check_sides(picture->width, picture->height, err) < 0)
		return -1;
	if (len - at < (size_t)picture->width * picture->height * 3)
		return cut_short(err);
	return encode(data + at, picture, err);
}

static int from_png(const uint8_t *data, size_t len, struct picture *picture,
		    struct error *err)
{
	png_image image = {.version = PNG_IMAGE_VERSION};

	if (!png_image_begin_read_from_memory(&image, data, len)) {
		error_set(err, ERROR_FAILED,
			  "the hypervisor sent a broken picture");
		return error_set_cause(err, "libpng: %s", image.message);
	}
	picture->width = image.width;
	picture->height = image.height;
	png_image_free(&image);
	if (check_sides(picture->width, picture->height, err) < 0)
		return -1;
	picture->png = malloc(len);
	if (!picture->png)
		return error_set_no_memory(err);
	memcpy(picture->png, data, len);
	picture->len = len;
	return 0;
}

int picture_from_screenshot(const uint8_t *data, size_t len,
			    struct picture *picture, struct error *err)
{
	static const uint8_t png_signature[] = {0x89, 'P', 'N', 'G'};

	if (len >= sizeof(png_signature) &&
	    memcmp(data, png_signature, sizeof(png_signature)) == 0)
		return from_png(data, len, picture, err);
	if (len >= 2 && memcmp(data, "P6", 2) == 0)
		return from_ppm(data, len, picture, err);
	if (len < 2)
		return cut_short(err);
	return error_set(err, ERROR_UNSUPPORTED,
			 "the hypervisor's picture is neither PPM nor PNG");
}
