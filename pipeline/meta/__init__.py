"""Hypergradients: derivatives of a loss after inner steps, exact, of any module; nothing here knows of languages.

An inner step is θ′ = U(θ, g) with g = ∇θ L(θ, φ); the outer loss is a function of the last θ′. What is wanted is its
derivative by φ (bilevel learning: MetaXL, Eq. 3–4) or by the first θ (MAML). Both come from one recursion backwards through
the steps, in which a step contributes the product of a vector w with the second derivatives of L:

    ∇θ ⟨∇θ L, w⟩  (Hessian-vector product)      ∇φ ⟨∇θ L, w⟩  (the mixed term)

`products` computes these two ways, `updates` holds the inner steps and their transposed derivatives, `bilevel` the recursion.
"""
