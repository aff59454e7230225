"""The image of a commit, by digest, from a real boto3 client whose answers are checked against AWS's own model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from coinquery.aws import Aws
from coinquery.errors import ImageMissing
from coinquery.releases.images import image

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "ab" * 32
REPOSITORY = "coinquery/service"
ADDRESS = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}"


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> ECRClient:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return Aws().ecr("us-east-1")


@pytest.fixture
def stub(ecr: ECRClient) -> Iterator[Stubber]:
    with Stubber(ecr) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def has_repository(stub: Stubber) -> None:
    stub.add_response(
        "describe_repositories", {"repositories": [{"repositoryUri": ADDRESS}]}, {"repositoryNames": [REPOSITORY]}
    )


def test_i3_the_image_is_named_by_digest(ecr: ECRClient, stub: Stubber) -> None:
    has_repository(stub)
    stub.add_response(
        "describe_images",
        {"imageDetails": [{"imageDigest": DIGEST, "imageTags": [COMMIT, "other"]}]},
        {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": COMMIT}]},
    )
    assert image(ecr, REPOSITORY, COMMIT) == f"{ADDRESS}@{DIGEST}"


def test_i3_a_commit_without_image_is_refused_with_the_way_to_build_it(ecr: ECRClient, stub: Stubber) -> None:
    has_repository(stub)
    stub.add_client_error("describe_images", "ImageNotFoundException", "no such image")
    with pytest.raises(ImageMissing, match=f"no image {REPOSITORY}:{COMMIT}") as refused:
        image(ecr, REPOSITORY, COMMIT)
    assert f"scripts/build-image {COMMIT}" in refused.value.remedy
    assert refused.value.exit_code == 3


def test_i3_a_missing_repository_is_refused(ecr: ECRClient, stub: Stubber) -> None:
    stub.add_client_error("describe_repositories", "RepositoryNotFoundException", "no such repository")
    with pytest.raises(ImageMissing, match="ECR in us-east-1 has no repository") as refused:
        image(ecr, REPOSITORY, COMMIT)
    assert f"create-repository --region us-east-1 --repository-name {REPOSITORY}" in refused.value.remedy


def test_i12_another_error_is_not_taken_for_a_missing_image(ecr: ECRClient, stub: Stubber) -> None:
    has_repository(stub)
    stub.add_client_error("describe_images", "AccessDeniedException", "not authorized")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        image(ecr, REPOSITORY, COMMIT)
