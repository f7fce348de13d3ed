"""What stands beside each picture of a report."""

_CAPTIONS = {
    "traversals": (
        "Traversals",
        "On top images and what is decoded from their mean codes. Below, in each row one latent alone moves, "
        "the one of the largest KL first, while the others stay at the mean code of the first image; at the "
        "right its KL and the factor that it knows most of.",
    ),
    "traversals_moving": (
        "Traversals, moving",
        "The same, each latent in a panel of its own, there and back.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Images drawn at random, and below each what is decoded from its mean code.",
    ),
    "reconstructions_held_out": (
        "Reconstructions of held-out images",
        "Images that the model was not trained on, and below each what is decoded from its mean code.",
    ),
    "latent_curves": (
        "Mean code against each factor",
        "A latent that stands for a factor climbs or falls along it and is level along the others. Where "
        "shapes have lines of their own and these part, the code depends on the shape too. Latents that "
        "carry next to nothing are left out.",
    ),
    "mutual_information": (
        "What each code knows of each factor",
        "Mutual information in nats, from the joint table. In the best of cases every column has one large "
        "value, and every row at most one.",
    ),
    "joint_histogram": (
        "Two latents together",
        "Where the mean codes of all images lie in the two latents of the largest KL, and each of them alone "
        "at the edges. Independent latents show a histogram that is the product of those at its edges.",
    ),
    "posterior_ellipses": (
        "Posteriors of single images",
        "q(z|x) of images drawn at random in the two latents of the largest KL, as ellipses of one standard "
        "deviation; dotted, one and two standard deviations of the prior.",
    ),
    "latent_plane": (
        "The plane of two latents",
        "Decoded on a grid over the two latents of the largest KL, the others at the mean code of one image.",
    ),
    "kl_per_latent": (
        "KL of each latent",
        "KL of q(z|x) from the prior, mean over images. A latent near 0 carries nothing. Where the "
        "objective sets a capacity for each latent, it is outlined.",
    ),
    "kl_over_training": (
        "KL of each latent over training",
        "When each latent began to carry information. Where the objective sets targets, they are dashed.",
    ),
    "scores_over_training": (
        "Scores over training",
        "Scores of a fixed sample of images at points of the training; at the right the KL and its parts.",
    ),
    "training": (
        "Training",
        "The terms of the loss, means since the line of the log before.",
    ),
    "aggregated_marginals": (
        "Aggregated posterior",
        "Of each latent q(z) over all images, filled, against the prior, the line; their KL in nats.",
    ),
    "prior_samples": ("Samples of the prior", "Decoded from codes drawn from the prior."),
    "interpolations": (
        "From one image to another",
        "Decoded on the straight line between the mean codes of the two images that stand at the ends.",
    ),
}

ORDER = tuple(_CAPTIONS)


def caption_of(name: str) -> tuple[str, str]:
    """Return heading and caption of the picture of that name; of another its name, and no caption.

    Example:
        >>> caption_of("prior_samples")
        ('Samples of the prior', 'Decoded from codes drawn from the prior.')
        >>> caption_of("my_picture")
        ('My picture', '')
    """
    return _CAPTIONS.get(name, (name.replace("_", " ").capitalize(), ""))
