"""What Python runs first when the pages are executed, so that they do not show compile times."""

import logging

logging.getLogger("ttfs").setLevel(logging.ERROR)
