"""Which pages and static files does the server hand out?"""

from pathlib import Path

from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from succession.pages.knowledge import KNOWLEDGE_PAGE
from succession.pages.document import DOCUMENT_PAGE
from succession.pages.nda import NDA_PAGE
from succession.pages.owner import OWNER_PAGE
from succession.pages.owner_knowledge import OWNER_KNOWLEDGE_PAGE
from succession.pages.password import PASSWORD_PAGE
from succession.pages.second_factor import SECOND_FACTOR_PAGE
from succession.pages.sign_in import SIGN_IN_PAGE
from succession.pages.unsubscribe import UNSUBSCRIBE_PAGE

STATIC = create_static_files_router(
    "/static", [Path(__file__).parent / "static"], opt={"public": True},
    cache_control=CacheControlHeader(max_age=3600, public=True),
)  # fmt: skip

ROUTES: list = [
    *OWNER_PAGE, *OWNER_KNOWLEDGE_PAGE, *NDA_PAGE, *DOCUMENT_PAGE, *KNOWLEDGE_PAGE, *PASSWORD_PAGE, *SECOND_FACTOR_PAGE, *SIGN_IN_PAGE,
    *UNSUBSCRIBE_PAGE, STATIC,
]  # fmt: skip
