"""What Python starts with when the pages are run: they are not to say how long they compiled."""

import logging

logging.getLogger("ttfs").setLevel(logging.ERROR)
