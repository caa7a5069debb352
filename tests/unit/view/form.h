/* form.h -- what the tests of the forms share: parse a text, expect it back or a message. */
#ifndef TESTS_UNIT_VIEW_FORM_H
#define TESTS_UNIT_VIEW_FORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include <numabox/error.h>

/* Parses `text` into `model` and prints it: the same text. */
#define EXPECT_BACK(text_, model_, parse_, print_)                 \
	do {                                                       \
		struct nb_error e_ = {0};                          \
		struct nb_text o_ = {0};                           \
                                                                   \
		if (parse_(text_, strlen(text_), model_, &e_))     \
			fail_msg("line %u: %s", e_.line, e_.text); \
		print_(model_, &o_);                               \
		assert_string_equal(nb_text_str(&o_), text_);      \
		nb_text_release(&o_);                              \
	} while (0)

/* `text` (of `len` bytes) is refused with -NB_EINVAL, on that line, with that word in the message.
 */
#define EXPECT_REFUSED(text_, len_, model_, parse_, at_, word_)                 \
	do {                                                                    \
		struct nb_error e_ = {0};                                       \
                                                                                \
		assert_int_equal(parse_(text_, len_, model_, &e_), -NB_EINVAL); \
		assert_int_equal(e_.line, at_);                                 \
		if (!strstr(e_.text, word_))                                    \
			fail_msg("\"%s\" does not say %s", e_.text, word_);     \
	} while (0)

#endif
