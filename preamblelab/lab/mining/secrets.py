"""Whether a text holds a secret: asked before anything of a commit is stored or sent."""

import re
from collections.abc import Iterable
from typing import Final

from preamblelab.errors import MissingExtraError

# What the library's own patterns leave to guessing by entropy: a private key's first line and a
# long literal under a telling name. Better one case too few than one secret too many.
_TELLING: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|"
    r"(?i:(api[_-]?key|secret|passw(or)?d|token)\w*[\"']?\s*[:=]\s*[\"'][^\"'\s]{12,}[\"'])"
)


def secret_in(texts: Iterable[str]) -> str:
    """What kind of secret a text holds, in a few words; empty where none was found.

    Patterns of detect-secrets (keys of cloud providers, tokens, private keys, passwords in
    addresses, literals under telling names). The secret itself is never returned.

    Raises:
        MissingExtraError: detect-secrets is not installed.
    """
    try:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import transient_settings
    except ImportError:
        raise MissingExtraError(
            "cases are mined only where commits can be searched for secrets first: "
            "pip install 'preamblelab[cases]'"
        ) from None
    with transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS]}):
        for text in texts:
            for line in text.splitlines():
                if _TELLING.search(line):
                    return "a secret under a telling name, or a private key"
                for found in scan_line(line[:2000]):
                    return f"a secret ({found.type})"
    return ""


_DETECTORS: Final = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector",
    "CloudantDetector", "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector",
    "IbmCloudIamDetector", "IbmCosHmacDetector", "JwtTokenDetector", "MailchimpDetector",
    "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector",
    "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector",
    "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
