/*
 * Pixels from and to PNG (picture.h), by libpng's simplified interface, which
 * needs no long jump in our code.
 */
#include "client/consoles/picture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

int picture_new(struct picture *picture, unsigned width, unsigned height,
		struct error *err)
{
	*picture = (struct picture){.width = width, .height = height};
	if (width == 0 || height == 0 || width > PICTURE_SIDE_MAX ||
	    height > PICTURE_SIDE_MAX ||
	    (size_t)width * height > PICTURE_PIXELS_MAX)
		return error_set(err, ERROR_TOO_LARGE,
				 "a picture of %u x %u pixels: at most %u on a "
				 "side and %u in all are taken",
				 width, height, PICTURE_SIDE_MAX,
				 PICTURE_PIXELS_MAX);
	picture->rgb = calloc((size_t)width * height, 3);
	return picture->rgb ? 0 : error_set_no_memory(err);
}

void picture_clear(struct picture *picture)
{
	free(picture->rgb);
	*picture = (struct picture){0};
}

static int no_png(const png_image *image, struct error *err)
{
	return error_set(err, ERROR_FAILED, "it is no PNG image: %s",
			 image->message);
}

int picture_decode(const void *png, size_t len, struct picture *picture,
		   struct error *err)
{
	static const png_color black = {0};
	png_image image = {.version = PNG_IMAGE_VERSION};
	int rc;

	*picture = (struct picture){0};
	if (!png_image_begin_read_from_memory(&image, png, len))
		return no_png(&image, err);
	if (picture_new(picture, image.width, image.height, err) < 0) {
		png_image_free(&image);
		return -1;
	}
	image.format = PNG_FORMAT_RGB;
	rc = png_image_finish_read(&image, &black, picture->rgb, 0, NULL);
	if (rc)
		return 0;
	picture_clear(picture);
	return no_png(&image, err);
}

int picture_encode(const struct picture *picture, struct buf *png,
		   struct error *err)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = picture->width,
		.height = picture->height,
		.format = PNG_FORMAT_RGB,
	};
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);

	if (buf_reserve(png, size) < 0)
		return error_set_no_memory(err);
	if (!png_image_write_to_memory(&image, buf_end(png), &size, 0,
				       picture->rgb, 0, NULL))
		return error_set(err, ERROR_INTERNAL,
				 "the picture cannot be encoded: %s",
				 image.message);
	buf_added(png, size);
	return 0;
}
