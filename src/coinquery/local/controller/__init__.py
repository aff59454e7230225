"""EC2, ECS, Auto Scaling and Elastic Load Balancing of one machine: what the AWS API says is made to run."""
