"""The image that was built from a commit, by digest (I3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.aws import code
from coinquery.errors import ImageMissing

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

_MISSING = {"RepositoryNotFoundException", "ImageNotFoundException"}


def image(ecr: ECRClient, repository: str, commit: str) -> str:
    """The address by digest (``…@sha256:…``) of the image in ECR whose tag is the full commit id.

    Raises ImageMissing where there is no such repository or image; what else boto3 raises passes through.
    """
    from botocore.exceptions import ClientError

    try:
        address = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": commit}])["imageDetails"]
    except ClientError as error:
        if code(error) in _MISSING:
            raise _missing(ecr, repository, commit) from error
        raise
    if not found:
        raise _missing(ecr, repository, commit)
    return f"{address}@{found[0]['imageDigest']}"


def _missing(ecr: ECRClient, repository: str, commit: str) -> ImageMissing:
    return ImageMissing(
        f"ECR in {ecr.meta.region_name} has no image {repository}:{commit}",
        f"Build and push it from the repository: scripts/build-image {commit} REGISTRY/{repository}",
    )
