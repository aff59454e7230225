"""The image that was built from a commit, by digest (I3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinquery.errors import ImageMissing

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient


def image(ecr: ECRClient, repository: str, commit: str) -> str:
    """The address by digest (``…@sha256:…``) of the image in ECR whose tag is the full commit id.

    Raises ImageMissing where there is no such repository or image; what else boto3 raises passes through.
    """
    address = uri(ecr, repository)
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": commit}])["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        found = []
    if not found:
        raise ImageMissing(
            f"ECR in {ecr.meta.region_name} has no image {repository}:{commit}",
            f"Build and push it from the repository: scripts/build-image {commit} {address}",
        )
    return f"{address}@{found[0]['imageDigest']}"


def uri(ecr: ECRClient, repository: str) -> str:
    """Where images of a repository in ECR are pushed to; raise ImageMissing where there is no such repository."""
    try:
        return ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    except ecr.exceptions.RepositoryNotFoundException:
        region = ecr.meta.region_name
        raise ImageMissing(
            f"ECR in {region} has no repository {repository}",
            f"Create it: aws ecr create-repository --region {region} --repository-name {repository} "
            "--image-tag-mutability IMMUTABLE",
        ) from None
