"""A bundle's network with its answers: stored examples in, probabilities or numbers out, in one module.

Shapes: B batch, T time steps, K classes, O numbers to predict, V tokens of the vocabulary.
"""

import torch
from torch import Tensor, nn

from saccade.bundle.bundle import NetworkConfig


class AnsweringNetwork(nn.Module):
    """What ``Predictor.outputs`` gives of whole batches, as a module: probabilities (B, K), or numbers (B, O).

    Of a network that says what comes next, probabilities (B, T, V).

    Args:
        config: config that the network was built from.
        network: input layer, model and output layer, as ``NetworkConfig.build_network`` puts them together.
    """

    def __init__(self, config: NetworkConfig, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.has_one_output = config.one_output
        self.are_independent = config.spec.multilabel
        self.are_probabilities = output_name(config) == "probabilities"

    def forward(self, examples: Tensor) -> Tensor:
        output = self.network(examples).float()
        if self.has_one_output:  # the other class's logit is 0: their softmax is the sigmoid and what is left
            output = torch.cat((torch.zeros_like(output), output), dim=1)
        if not self.are_probabilities:
            return output
        return output.sigmoid() if self.are_independent else output.softmax(dim=-1)


def output_name(config: NetworkConfig) -> str:
    """What the output is called: probabilities, or values of numbers to predict."""
    is_of_classes = bool(config.spec.classes) or config.spec.output == "per_token"
    return "probabilities" if is_of_classes else "values"
