"""How each service says that it is asked too often: its own error code and status, as its documentation has them.

- CloudFormation, ELB, Auto Scaling, STS, IAM, CloudWatch: ``Throttling``, 400, "Rate exceeded" (the query services'
  common error; CloudWatch speaks another protocol by now and kept the code)
- EC2: ``RequestLimitExceeded``, 503 ("Request throttling for the Amazon EC2 API")
- Route 53: ``Throttling``, 400, "Rate exceeded" ("Throttling for Amazon Route 53 API requests"); and
  ``PriorRequestNotComplete``, 400, for one zone (API reference)
- SSM, CloudWatch Logs, Secrets Manager, ECR, ACM, ECS: ``ThrottlingException``, 400 (Common Errors of their references)
- Lambda: ``TooManyRequestsException``, 429 (Invoke)
- S3: ``SlowDown``, 503 (error responses)
"""

from __future__ import annotations

from coinquery.local.calls import Answer, Call

_JSON = ("ThrottlingException", 400, "Rate exceeded")
_QUERY = ("Throttling", 400, "Rate exceeded")
_CODES = {
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "lambda": ("TooManyRequestsException", 429, "Rate Exceeded."),
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
    **dict.fromkeys(("cloudformation", "elbv2", "autoscaling", "sts", "iam", "route53", "cloudwatch", "sns"), _QUERY),
    **dict.fromkeys(("ssm", "logs", "secretsmanager", "ecr", "acm", "ecs"), _JSON),
}


def throttled(call: Call) -> Answer:
    """The service's refusal of a call that is one too many. Raises KeyError for a service that is not in the table."""
    code, status, message = _CODES[call.service]
    return refuse(call, code, message, status)


def prior_request(call: Call) -> Answer:
    """Route 53's refusal of a change while it works on another of the same zone."""
    said = "The request was rejected because Route 53 was still processing a prior request."
    return refuse(call, "PriorRequestNotComplete", said, 400)


def refuse(call: Call, code: str, message: str, status: int) -> Answer:
    """A refusal in the call's protocol; that of S3 and Lambda differs from the others of REST."""
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0</RequestId></Error>"
        return Answer(status, body.encode(), {"Content-Type": "application/xml"})
    if call.service == "lambda":
        body = f'{{"Type":"Service","Message":"{message}"}}'
        return Answer(status, body.encode(), {"Content-Type": "application/json", "X-Amzn-ErrorType": code})
    return call.refuse(code, message, status)
