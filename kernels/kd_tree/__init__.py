"""Diagonal Gaussians in the order of a k-d tree, with the boxes that bound groups of them.

Leaves hold 16 posteriors and nodes 16 children, so that one row of vector registers answers for all of them.
There are no node objects: after sorting, leaf n is posteriors 16 n .. 16 n + 15, node n of level k covers
children 16 n .. 16 n + 15 of level k - 1, and the last of each level may be short.

Every split is across the latent along which the means spread most in units of the local standard deviation:
in a latent of which the posteriors are wide nothing can be told apart, however far the means lie.

A box over a set of posteriors J holds, for each latent, the range of the means and the largest standard
deviation s_d, and c = max_j -sum_d log sigma_jd. With dist_d the distance of z_d from the range of means::

    log q(z|x_j) + D/2 log 2 pi  <=  c - 1/2 sum_d (dist_d / s_d)^2      for all j in J

The latents are reordered by how well they tell the posteriors apart, so that a partial sum over the first
ones already rules out most of what is far.
"""
